"""The row of a named agent."""

from __future__ import annotations

from django.db import models

from market.tick_message import MOST_NAME_CHARACTERS


class Agent(models.Model):
    """A named agent of a market, as the register of its store has it (`recorder.store.agent_register`).

    `folded` is the name as searches compare it. A search for a part of a name reads those of its market in the order of
    their ids until it has found enough: at worst 100,000 in some 50 ms.
    """

    market = models.ForeignKey("recorder.Market", models.CASCADE, related_name="agents")
    agent_id = models.BigIntegerField()
    name = models.CharField(max_length=MOST_NAME_CHARACTERS)
    folded = models.TextField(editable=False)
    first_t = models.BigIntegerField()

    class Meta:
        ordering = ["market", "agent_id"]
        constraints = [
            models.UniqueConstraint(fields=["market", "agent_id"], name="agent_id_once_a_market"),
            models.UniqueConstraint(fields=["market", "name"], name="agent_name_once_a_market"),
        ]

    def __str__(self) -> str:
        return self.name
