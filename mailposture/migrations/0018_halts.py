"""All probing can be stopped."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own."""

    dependencies = [("mailposture", "0017_keys_of_places")]

    operations = [
        migrations.CreateModel(
            name="Halt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("who", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=300)),
            ],
            options={"ordering": ("-since",)},
        ),
        migrations.AddIndex(
            "halt",
            models.Index(fields=["since"], name="halt_standing", condition=models.Q(until=None)),
        ),
    ]
