"""What a vantage point reports counts only where it signed it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The key of each place, and the number of the latest question to it."""

    dependencies = [("mailposture", "0016_who_may_deliver")]

    operations = [
        migrations.AddField(
            "vantagepoint",
            "public_key",
            models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            "vantagepoint",
            "hello_nonce",
            models.CharField(blank=True, default="", max_length=32),
        ),
    ]
