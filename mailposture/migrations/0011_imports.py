"""What people bring in as files: who was seen to send, and configurations that nobody may read."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own, and one column that says what came from a file."""

    dependencies = [("mailposture", "0010_times_that_we_were_awake")]

    operations = [
        migrations.AddField(
            model_name="snapshot",
            name="imported_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="SeenSender",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("trace", "Message trace"),
                            ("connector", "Connector report"),
                            ("inbound", "Inbound messages report"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True, default="", help_text="empty: not said", max_length=45
                    ),
                ),
                ("helo", models.CharField(blank=True, default="", max_length=253)),
                ("connector", models.CharField(blank=True, default="", max_length=120)),
                (
                    "tls",
                    models.CharField(
                        blank=True, default="", help_text="yes, no; empty: not said", max_length=3
                    ),
                ),
                ("sender_domain", models.CharField(blank=True, default="", max_length=253)),
                ("recipient_domain", models.CharField(max_length=253)),
                ("day", models.DateField()),
                ("messages", models.PositiveBigIntegerField()),
                ("imported_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seen_senders",
                        to="mailposture.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("tenant", "-day", "source"),
                "indexes": [models.Index(fields=["day"], name="sender_seen_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "tenant",
                            "how",
                            "day",
                            "source",
                            "helo",
                            "connector",
                            "tls",
                            "sender_domain",
                            "recipient_domain",
                        ),
                        name="sender_seen_once_a_day",
                    )
                ],
            },
        ),
    ]
