"""Endpoints keep what proves that they are some, and where they lead elsewhere or are missing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailposture", "0020_paths_put_off")]

    operations = [
        migrations.AddField(
            model_name="endpoint", name="proof", field=models.JSONField(default=dict)
        ),
        migrations.AddField(
            model_name="endpoint",
            name="proved_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="elsewhere_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="missing_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
