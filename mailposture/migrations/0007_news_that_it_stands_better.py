from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mailposture", "0006_deliveries_begun_once"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="event",
            field=models.CharField(
                choices=[
                    ("opened", "Opened"),
                    ("worse", "Worse"),
                    ("better", "Better"),
                    ("again", "Again"),
                    ("resolved", "Resolved"),
                ],
                max_length=8,
            ),
        ),
    ]
