"""Count what is accepted without reading all that stands."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One partial index."""

    dependencies = [
        ("mailposture", "0014_answers_known_again"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("accepted_until__isnull", False), ("closed_at", None)),
                fields=["accepted_until"],
                name="finding_accepted",
            ),
        ),
    ]
