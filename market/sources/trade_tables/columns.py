"""Which column of a table is which field of a trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from market.sources.source import SourceError
from market.trades.trade import Trade, TradeError, amount, identifier, moment, party, taker


class _Field(NamedTuple):
    """A field of a trade: how its values are read, and usual names of its column, the surest first."""

    parse: Callable[[Any], Any]
    usual: str
    required: bool = True


#: Names are compared without case, spaces and underscores.
FIELDS = {
    "time": _Field(
        moment,
        "time timestamp ts datetime blocktime blocktimestamp tradetime tradets tradetimestamp executedat executiontime"
        " transacttime createdat date t",
    ),
    "price": _Field(amount, "price px tradeprice executionprice fillprice lastprice rate p"),
    "size": _Field(
        amount, "size sz qty quantity tradesize tradeqty lastqty shares contracts baseamount amount volume vol"
    ),
    "buyer": _Field(party, "buyer buyerid buyeraddress buyername buyeraccount buyaccount buyuser bidder bidparty"),
    "seller": _Field(
        party, "seller sellerid selleraddress sellername selleraccount sellaccount selluser asker askparty"
    ),
    "taker": _Field(taker, "taker takerside aggressor aggressorside side takerdirection direction", required=False),
    "id": _Field(identifier, "id tradeid tid execid executionid matchid", required=False),
}


class BadRow(Exception):
    """A row that is no trade; the text names the column."""


class TradeColumns:
    """The columns of a table that make a trade.

    `named` are the columns that somebody chose for fields, "" for none; the others are found by their usual names, and
    are then `guessed`. Raises SourceError for a column that is not there.
    """

    def __init__(self, columns: Sequence[str], named: Mapping[str, str], where: str) -> None:
        self.by_field: dict[str, str] = {}
        self.guessed: dict[str, str] = {}
        simple = {_simple(column): column for column in reversed(columns)}
        for field, (_, usual, required) in FIELDS.items():
            column = named.get(field)
            if column is None:
                column = next((simple[name] for name in usual.split() if name in simple), "")
                if column:
                    self.guessed[field] = column
            elif column and column not in columns:
                raise SourceError(f"{where}: there is no column {column!r} for {field}, only {', '.join(columns)}")
            if column:
                self.by_field[field] = column
            elif required:
                raise SourceError(
                    f"{where}: none of its columns is the {field}: {field}=COLUMN says which of {', '.join(columns)}"
                )
        self.columns = [*self.by_field.values()]
        self._parsers = [(field, FIELDS[field].parse) for field in self.by_field]

    def trade(self, values: Sequence[Any]) -> Trade:
        """The trade in the values of `columns`. Raises BadRow."""
        fields, field = {}, ""
        try:
            for (field, parse), value in zip(self._parsers, values, strict=True):
                fields[field] = parse(value)
        except TradeError as error:
            raise BadRow(f"column {self.by_field[field]}: {error}") from None
        return Trade(**fields)


def _simple(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
