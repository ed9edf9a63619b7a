"""The HTTP path `/structure`: what the whole match graph of each frame measures, over any range of a recording."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from recorder.digests.digest import Rows
from recorder.digests.live_film import LiveFilm
from recorder.digests.structure import structure
from runtime.http_errors import bad_parameter
from runtime.shown import shown
from streaming.http import parameters
from streaming.http.newest import Newest
from streaming.http.overview import answer, asked_range
from structure.measures import MEASURES

newest_frames: Newest[Rows] = Newest(lambda history: LiveFilm(history).step)


@require_safe
async def structure_of(request: HttpRequest) -> HttpResponse:
    """The measures of the range from `t0` to `t1`, or of all frames, in at most `points` buckets."""
    relay = await parameters.relay(request)
    t0, t1, points = asked_range(request)
    measures = _measures(request)
    new = await newest_frames.newest(relay)
    directory = relay.history.directory
    return await answer(request, relay, lambda: structure(relay.symbol, directory, new, t0, t1, points, measures))


def _measures(request: HttpRequest) -> list[str]:
    """The measures asked for, in their usual order; all of them where none is named. Raises HttpError."""
    text = request.GET.get("measures")
    if text is None:
        return list(MEASURES)
    asked = set(text.split(","))
    if unknown := sorted(asked - set(MEASURES)):
        raise bad_parameter(
            f"measures must be among {', '.join(MEASURES)}, separated by commas, got {shown(unknown[0])}"
        )
    return [name for name in MEASURES if name in asked]
