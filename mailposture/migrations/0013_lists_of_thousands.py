"""What pages about thousands of tenants are read by."""

from typing import Any

from django.db import migrations, models


def tell_which_are_whole(apps: Any, _editor: Any) -> None:
    """What was stored before knows it in its document alone."""
    snapshots = apps.get_model("mailposture", "Snapshot").objects
    found = []
    for pk, parts in snapshots.values_list("pk", "document__parts").iterator(chunk_size=2000):
        if any(part["status"] != "ok" for part in parts or ()):
            found.append(pk)
    for n in range(0, len(found), 500):
        snapshots.filter(pk__in=found[n : n + 500]).update(is_whole=False)


class Migration(migrations.Migration):
    """Indexes of paths, and of configurations that could not be read whole."""

    dependencies = [("mailposture", "0012_exceptions")]

    operations = [
        migrations.AddField(
            model_name="snapshot", name="is_whole", field=models.BooleanField(default=True)
        ),
        migrations.AddIndex(
            model_name="path",
            index=models.Index(
                condition=models.Q(("retired_at", None)),
                fields=["agreement", "vantage_point", "tenant", "current"],
                name="path_by_agreement",
            ),
        ),
        migrations.AddIndex(
            model_name="path",
            index=models.Index(
                condition=models.Q(("retired_at", None)),
                fields=["verdict", "vantage_point", "current"],
                name="path_by_verdict",
            ),
        ),
        migrations.AddIndex(
            model_name="path",
            index=models.Index(
                condition=models.Q(("retired_at", None)),
                fields=["tenant", "vantage_point", "verdict", "seen_until", "part"],
                name="path_of_a_place",
            ),
        ),
        migrations.AddIndex(
            model_name="snapshot",
            index=models.Index(
                condition=models.Q(("is_whole", False)),
                fields=["tenant", "first_seen_at"],
                name="snapshot_not_whole",
            ),
        ),
        migrations.RunPython(tell_which_are_whole, migrations.RunPython.noop),
    ]
