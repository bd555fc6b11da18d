"""Who meant a change can be written down."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """What people say of a change, why, who and when."""

    dependencies = [("mailposture", "0021_proofs_of_endpoints")]

    operations = [
        migrations.AddField(
            "change",
            "said",
            models.CharField(
                blank=True,
                choices=[("meant", "Somebody here meant it"), ("not_ours", "Nobody here meant it")],
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            "change", "why", models.CharField(blank=True, default="", max_length=500)
        ),
        migrations.AddField(
            "change", "said_by", models.CharField(blank=True, default="", max_length=150)
        ),
        migrations.AddField("change", "said_at", models.DateTimeField(blank=True, null=True)),
    ]
