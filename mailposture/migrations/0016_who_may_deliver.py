"""Keep beside a tenant how many may deliver to it, for the list of all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns, filled when a tenant is judged next."""

    dependencies = [
        ("mailposture", "0015_findings_accepted"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="reach_state",
            field=models.CharField(default="unknown", max_length=8),
        ),
        migrations.AddField(
            model_name="tenant",
            name="reach",
            field=models.JSONField(default=dict),
        ),
    ]
