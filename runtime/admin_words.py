"""The names of models and of their fields in the admin, in the language of whoever looks at it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


def in_every_language(words: Words) -> Words:
    """The words, translated when they are shown. Those that are already, and none, stay as they are."""
    return words if isinstance(words, Promise) or not words else _(words)


def translate_names(model: type[models.Model]) -> None:
    """Translate the names of a model, and of its fields and their choices, whenever they are shown.

    What a model is named in English is the text that `locale/` translates, so a model needs no second name, and the
    database no migration. A model with words of its own in each language, as Django's are, stays as it is.
    """
    options: Any = model._meta
    if isinstance(options.verbose_name, Promise):
        return
    plural = str(options.verbose_name_plural)  # Django makes it of the other, which is about to change
    options.verbose_name, options.verbose_name_plural = _(options.verbose_name), _(plural)
    for field in options.local_fields:
        field.verbose_name = in_every_language(field.verbose_name)
        field.help_text = in_every_language(field.help_text)
        if field.choices:
            field.choices = [(value, in_every_language(label)) for value, label in field.choices]
