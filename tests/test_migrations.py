"""What migrations do with rows that were there before them."""

from importlib import import_module

import pytest
from django.apps import apps

from mailposture import models
from mailposture.core.configuration import PartStatus
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_configuration_that_was_stored_before_is_whole_where_its_document_says_so() -> None:
    of = factories.tenant("contoso")
    seen = factories.configuration(factories.lock())
    whole = factories.snapshot(of, seen, factories.ago(days=2), factories.ago(days=1))
    lacking = factories.without(seen, "transport_rules", PartStatus.FORBIDDEN, "")
    later = factories.snapshot(of, lacking, factories.ago(hours=2))
    models.Snapshot.objects.update(is_whole=True)
    import_module("mailposture.migrations.0013_lists_of_thousands").tell_which_are_whole(apps, None)
    found = dict(models.Snapshot.objects.values_list("pk", "is_whole"))
    assert found == {whole.pk: True, later.pk: False}
