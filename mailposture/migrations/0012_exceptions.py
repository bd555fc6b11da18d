"""What people accept for a while, and that what it covers is counted apart."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own, two columns of findings, and a kind of incident."""

    dependencies = [
        ("mailposture", "0011_imports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="accepted_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="incident",
            name="kind",
            field=models.CharField(
                choices=[
                    ("bypass", "Bypass"),
                    ("cut_off", "Cut off"),
                    ("blind", "Blind"),
                    ("exception", "Exception"),
                ],
                max_length=9,
            ),
        ),
        migrations.CreateModel(
            name="Acceptance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rule", models.CharField(max_length=40)),
                ("subject", models.CharField(blank=True, default="", max_length=253)),
                ("sentence", models.TextField()),
                ("severity", models.CharField(max_length=8)),
                ("scope", models.JSONField()),
                (
                    "hosts",
                    models.TextField(
                        blank=True, default="", help_text="whom it is for, one entry a line"
                    ),
                ),
                ("reason", models.TextField()),
                ("owner", models.CharField(help_text="who answers for the risk", max_length=150)),
                ("ticket", models.CharField(blank=True, default="", max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Pending"),
                            ("approved", "In force"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("renewed", "Renewed"),
                        ],
                        default="requested",
                        max_length=9,
                    ),
                ),
                ("expires_at", models.DateTimeField(help_text="midnight UTC after its last day")),
                ("review_on", models.DateField(blank=True, null=True)),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                ("reviewed_by", models.CharField(blank=True, default="", max_length=150)),
                ("asked_at", models.DateTimeField()),
                ("asked_by", models.CharField(max_length=150)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decided_by", models.CharField(blank=True, default="", max_length=150)),
                ("decision", models.TextField(blank=True, default="")),
                ("alone", models.BooleanField(default=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, default="", max_length=150)),
                ("ended_why", models.TextField(blank=True, default="")),
                ("outside", models.JSONField(blank=True, default=list)),
                ("outside_since", models.DateTimeField(blank=True, null=True)),
                (
                    "asker",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "renews",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="renewals",
                        to="mailposture.acceptance",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exceptions",
                        to="mailposture.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "exception",
                "ordering": ("-asked_at", "-pk"),
            },
        ),
        migrations.AddField(
            model_name="finding",
            name="exception",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="findings",
                to="mailposture.acceptance",
            ),
        ),
        migrations.AddIndex(
            model_name="acceptance",
            index=models.Index(
                condition=models.Q(("state__in", ("requested", "approved"))),
                fields=["expires_at"],
                name="exception_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptance",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "approved")),
                fields=("tenant", "rule", "subject"),
                name="one_exception_in_force_a_finding",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptance",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")),
                fields=("tenant", "rule", "subject"),
                name="one_exception_pending_a_finding",
            ),
        ),
    ]
