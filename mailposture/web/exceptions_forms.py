"""The forms of exceptions: what is asked for, and when one is looked at again."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from mailposture.core import exceptions as core
from mailposture.services.exceptions import LONGEST, Asked
from mailposture.web.fields import AddressesField, CalledField, Form


class DayField(forms.DateField):
    """A UTC day, by the browser's own calendar."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **options)
        self.error_messages["invalid"] = "Give a day, such as 2027-02-23."


class AskForm(Form):
    """Ask to accept a finding for a while."""

    reason = forms.CharField(
        label="Why is it acceptable?",
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 4}),
        help_text="What makes the risk bearable, and what will end it.",
    )
    owner = CalledField(
        max_length=150, label="Who answers for the risk", help_text="A person or a team."
    )
    last_day = DayField(
        label="Last day", help_text="It holds through this day, UTC. At most a year."
    )
    review_on = DayField(
        required=False, label="Review on", help_text="Left empty: halfway to the last day."
    )
    ticket = CalledField(
        required=False, max_length=500, label="Ticket", help_text="A number, or its address."
    )
    hosts = AddressesField(
        required=False,
        label="Hosts that it is for",
        help_text="A what-if then says whether a change would cut these off.",
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_last_day(self) -> date:
        """Within a year."""
        return _allowed(lambda: core.checked_last_day(self.cleaned_data["last_day"], self.now))

    def clean_review_on(self) -> date | None:
        """Before it ends."""
        chosen, last = self.cleaned_data.get("review_on"), self.cleaned_data.get("last_day")
        if not chosen or not last:
            return None
        return _allowed(lambda: core.checked_review(chosen, last, self.now))

    def asked(self) -> Asked:
        """What was asked for, once it is valid."""
        return Asked(**self.cleaned_data)


class ReviewForm(Form):
    """Say that one was looked at, and when it is looked at next."""

    review_on = DayField(label="Look at it again on")
    note = forms.CharField(
        required=False, max_length=LONGEST, label="What was found",
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args: Any, now: datetime, expires_at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.last = now, core.last_day(expires_at)

    def clean_review_on(self) -> date:
        """Before it ends."""
        chosen = self.cleaned_data["review_on"]
        return _allowed(lambda: core.checked_review(chosen, self.last, self.now))


def _allowed(check: Any) -> date:
    try:
        found: date = check()
    except core.NotADayError as refusal:
        raise ValidationError(str(refusal)) from None
    return found
