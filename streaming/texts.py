"""The words that the page's scripts write, in the visitor's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

#: By the name that scripts use; `{name}` is where they put a value.
TEXTS = {
    "connection_connecting": _("Connecting"),
    "connection_live": _("Live"),
    "connection_reconnecting": _("Reconnecting"),
    "connection_no_market": _("No market running"),
    "connection_refused": _("Refused"),
    "play": _("Play"),
    "pause": _("Pause"),
    "reading": _("Reading the recording…"),
    "nothing_recorded": _("Nothing is recorded yet. The first structure frame comes at t = {t}."),
    "first_frame": _("The first structure frame comes at t = {t}, {left} to go."),
    "gap_here": _("Nothing was recorded from t = {from} to {to}."),
    "no_frame_here": _("There is no structure frame here: after a gap the window fills first."),
    "gap_told": _("Ticks {from} to {to} are lost."),
    "filled": _("Connected again: {count} ticks missed meanwhile were filled in."),
    "frame_facts": _(" · {agents} agents · {edges} edges · window {from} – {to}"),
    "ticks": _("{count} ticks"),
    "percent": _("{count} percent of the strongest"),
    "agent": _("Agent {id}"),
    "no_agent": _("There is no agent {id} in this frame."),
    "not_in_frame": _("not in this frame"),
    "side_buy": _("mostly buys"),
    "side_sell": _("mostly sells"),
    "side_none": _("mostly silent"),
    "burst_match": _("burst of matches, {score} σ"),
    "shock_price": _("price shock, {score} σ"),
    "shock_liquidity": _("liquidity shock, {score} σ"),
    "feature_buy_count": _("Buys"),
    "feature_sell_count": _("Sells"),
    "feature_none_count": _("Silent"),
    "feature_match_count": _("Matches"),
    "feature_match_rate": _("Matches a tick"),
    "feature_quote_price_mean": _("Mean quote"),
    "feature_quote_price_std": _("Spread of quotes"),
    "feature_quote_dist_to_mid_mean": _("Distance to mid"),
    "feature_experience_start": _("Experience, first"),
    "feature_experience_end": _("Experience, last"),
    "feature_experience_delta": _("Experience gained"),
}
