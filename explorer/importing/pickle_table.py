"""A pickle read as data: what it would build is described, and nothing that it names is ever imported or called.

Python's own unpickler does what a file says. This reader knows the opcodes that `torch.save` writes and makes plain
tables, lists, numbers and texts of them. Whatever else a file asks for (a class, a function, an object's state) stands
as a `PickledName` that has a name and does nothing. Only the reader's own functions for tensors are called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from explorer.errors import UserError

MAX_OPCODES = 300_000
LONGEST_NAME = 300  # letters of a module's or a class's name
LARGEST_KEY = 1 << 63  # of a whole number: what lies above is counted out at each look-up
# Things of these do something when they are called: a file that asks for one is refused as a whole.
REFUSED = {
    "os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "importlib", "runpy", "ctypes", "pty", "platform",
    "webbrowser", "code", "codeop", "marshal", "pickle", "_pickle", "shelve", "multiprocessing", "threading",
    "asyncio", "signal", "tempfile", "urllib", "http", "ftplib", "smtplib", "pip", "pdb", "bdb", "cProfile", "profile",
    "timeit", "trace", "builtins", "__builtin__",
}  # fmt: skip
PLAIN = {"set", "frozenset", "list", "tuple", "dict", "int", "float", "bool", "str", "bytes", "bytearray", "complex",
         "slice", "range", "object", "type", "NoneType", "Ellipsis"}  # fmt: skip
EMPTY = {"collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict"}


@dataclass(eq=False)
class PickledName:
    """Something that a file names and that is not made: a class, a function, or what one would have given."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    called: bool = False


@dataclass
class Reader:
    """Reads pickles. `functions` are called in place of what bears their names; `load` gives what lies elsewhere."""

    functions: Mapping[str, Callable[..., Any]]
    load: Callable[[Any], Any]
    opcodes: int = 0
    _stack: list[Any] = field(default_factory=list)
    _marks: list[int] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def read(self, stream: BytesIO) -> Any:
        """The value of the pickle that begins where `stream` stands; the stream then stands behind it.

        Raises:
            UserError: it asks for something that is never run, or is too long.
            ValueError, KeyError, IndexError, TypeError: it is damaged.
        """
        self._stack, self._marks, self._memo = [], [], {}
        for opcode, argument, _ in pickletools.genops(stream):
            self.opcodes += 1
            if self.opcodes > MAX_OPCODES:
                raise UserError("its table is larger than that of any model")
            if opcode.name == "STOP":
                return self._stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("a pickle without an end")

    def _step(self, name: str, argument: Any) -> None:
        if not (
            self._put(name, argument)
            or self._collect(name)
            or self._remember(name, argument)
            or self._make(name, argument)
        ):
            raise UserError(f"its pickle asks for things in a way that torch.save doesn't ({name})")

    def _put(self, name: str, argument: Any) -> bool:
        """Put a plain value on the stack. False where it is another opcode."""
        match name:
            case "PROTO" | "FRAME":
                pass
            case "NONE":
                self._stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                self._stack.append(name == "NEWTRUE")
            case (
                "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4" | "FLOAT" | "BINFLOAT"
                | "UNICODE" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8" | "STRING" | "BINSTRING"
                | "SHORT_BINSTRING" | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8"
            ):  # fmt: skip
                self._stack.append(argument)
            case "EMPTY_DICT":
                self._stack.append({})
            case "EMPTY_LIST" | "EMPTY_SET":
                self._stack.append([])
            case "EMPTY_TUPLE":
                self._stack.append(())
            case _:
                return False
        return True

    def _collect(self, name: str) -> bool:
        """Put values of the stack into a list, a tuple or a table. False where it is another opcode."""
        stack = self._stack
        match name:
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                self._need(count)
                stack[-count:] = [tuple(stack[-count:])]
            case "TUPLE":
                items = self._marked()
                stack.append(tuple(items))
            case "LIST" | "FROZENSET":
                items = self._marked()
                stack.append(items)
            case "DICT":
                items = self._marked()
                stack.append(_pairs({}, items))
            case "APPEND":
                item = stack.pop()
                self._extend([item])
            case "APPENDS" | "ADDITEMS":
                self._extend(self._marked())
            case "SETITEM":
                self._need(3)
                items = stack[-2:]
                del stack[-2:]
                self._set(items)
            case "SETITEMS":
                self._set(self._marked())
            case _:
                return False
        return True

    def _remember(self, name: str, argument: Any) -> bool:
        """Mark, drop or copy what is on the stack, or fetch what was noted. False where it is another opcode."""
        stack = self._stack
        match name:
            case "MARK":
                self._marks.append(len(stack))
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._marked()
            case "DUP":
                stack.append(stack[-1])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[int(argument)] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[int(argument)])
            case _:
                return False
        return True

    def _make(self, name: str, argument: Any) -> bool:
        """Put what stands for a name, a call or an object's state. False where it is another opcode."""
        stack = self._stack
        match name:
            case "GLOBAL":
                stack.append(_named(*str(argument).split(" ", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(_named(module, attribute))
            case "REDUCE" | "NEWOBJ":
                given, what = stack.pop(), stack.pop()
                stack.append(self._call(what, given))
            case "NEWOBJ_EX":
                stack.pop()
                given, what = stack.pop(), stack.pop()
                stack.append(self._call(what, given))
            case "INST":
                given = self._marked()
                stack.append(self._call(_named(*str(argument).split(" ", 1)), tuple(given)))
            case "OBJ":
                what, *given = self._marked()
                stack.append(self._call(what, tuple(given)))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], PickledName):
                    stack[-1].state = state
                elif not isinstance(stack[-1], dict | list):
                    raise UserError("its pickle changes what it has made, as torch.save never does")
            case "BINPERSID":
                stack.append(self.load(stack.pop()))
            case _:
                return False
        return True

    def _need(self, count: int) -> None:
        if len(self._stack) - (self._marks[-1] if self._marks else 0) < count:
            raise ValueError("a pickle takes more than it has put")

    def _marked(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _extend(self, items: list[Any]) -> None:
        onto = self._stack[-1]
        if isinstance(onto, list):
            onto += items
        elif not isinstance(onto, PickledName):
            raise TypeError("a pickle puts items into what is no list")

    def _set(self, items: list[Any]) -> None:
        onto = self._stack[-1]
        if isinstance(onto, dict):
            _pairs(onto, items)
        elif not isinstance(onto, PickledName):
            raise TypeError("a pickle puts pairs into what is no table")

    def _call(self, what: Any, given: Any) -> Any:
        if not isinstance(what, PickledName) or what.called or not isinstance(given, tuple):
            raise TypeError("a pickle calls what is no name")
        # One list, put in once, can be copied by each of many short calls: copies count like what is put in.
        self.opcodes += sum(len(g) for g in given if isinstance(g, list | tuple | dict)) + len(given)
        if what.name in EMPTY:
            return _ordered(given)
        if what.name.removeprefix("__builtin__.").removeprefix("builtins.") in ("set", "frozenset", "list"):
            return list(given[0]) if given and isinstance(given[0], list | tuple) else []
        if what.name in self.functions:
            return self.functions[what.name](*given)
        return PickledName(what.name, given, called=True)


def _named(module: Any, attribute: Any) -> PickledName:
    """What stands for a name. Raises UserError where the file asks for what does something."""
    # A list can stand in the place of a name, and hold itself so often that its text fills any memory.
    if not all(isinstance(part, str) and len(part) <= LONGEST_NAME for part in (module, attribute)):
        raise ValueError("a pickle asks for something without a name")
    name = f"{module}.{attribute}"
    top = module.partition(".")[0]
    if top in REFUSED and not (top in ("builtins", "__builtin__") and attribute in PLAIN):
        raise UserError(
            f"it asks for {name[:80]!r}, which is never run; what can be imported is a table of plain tensors "
            "(torch.save(model.state_dict(), …))"
        )
    return PickledName(name)


def _pairs(table: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a pickle puts a name without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # A tuple is passed over: one that holds itself again and again is never done being looked up.
        if isinstance(key, str | float | bytes | None) or (isinstance(key, int) and abs(key) < LARGEST_KEY):
            table[key] = value
    return table


def _ordered(given: tuple[Any, ...]) -> dict[Any, Any]:
    """An OrderedDict, or its kind, of a list of pairs as Python 2 wrote it, or of nothing."""
    first = given[-1] if given else []
    if isinstance(first, dict):
        return dict(first)
    pairs = first if isinstance(first, list | tuple) else []
    return _pairs({}, [item for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2 for item in pair])
