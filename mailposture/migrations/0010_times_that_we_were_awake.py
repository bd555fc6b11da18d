"""Stretches in which tick followed tick, so that lateness counts over a restart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One small table; of the time before this is applied nothing counts as awake."""

    dependencies = [("mailposture", "0009_times_in_which_nobody_read")]

    operations = [
        migrations.CreateModel(
            name="Awake",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
            ],
            options={
                "ordering": ("since",),
                "indexes": [models.Index(fields=["-until"], name="awake_latest")],
            },
        ),
    ]
