"""Snapshots say when nobody read them; of the time before this is applied it is not known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column, empty for what is stored already."""

    dependencies = [("mailposture", "0008_reports_outlive_their_tenant")]

    operations = [
        migrations.AddField(
            model_name="snapshot",
            name="unread",
            field=models.JSONField(default=list),
        ),
    ]
