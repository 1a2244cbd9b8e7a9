"""From a kernel to LLVM's language: numba's own passes, without what kernels have no use for.

Kernels have neither closures nor contexts, they count no references, and nobody debugs them once compiled. After each
pass numba asks how long every variable lives, which tells where references end, and reads each variable before it is
assigned anew, to give back what it held: half of what it writes.
"""

from __future__ import annotations

from typing import Any, Literal

from numba.core import cgutils, ir
from numba.core.codegen import CodeLibrary
from numba.core.compiler_machinery import register_pass
from numba.core.errors import NumbaError
from numba.core.interpreter import Interpreter
from numba.core.ir_utils import build_definitions
from numba.core.lowering import Lower
from numba.core.ssa import reconstruct_ssa
from numba.core.transforms import canonicalize_cfg
from numba.core.typed_passes import BaseNativeLowering, PreLowerStripPhis
from numba.core.untyped_passes import ReconstructSSA, TranslateByteCode

from cascade.compiler.backend.libraries import Part, Whole
from cascade.compiler.backend.received import letters, write_entrance
from cascade.compiler.machine import ENTRANCE


class _Interpreter(Interpreter):
    """Numba's reader of bytecode, without a look for what kernels have none of: contexts, dicts, starred arguments."""

    def post_process(self, peepholes: Any, func_ir: Any) -> Any:
        """Leave it as it is."""
        return func_ir


@register_pass(mutates_CFG=True, analysis_only=False)
class Reading(TranslateByteCode):
    """Bytecode becomes numba's language."""

    _name = "reading"

    def run_pass(self, state: Any) -> Literal[True]:
        """Read the bytecode."""
        state.func_ir = _Interpreter(state.func_id).interpret(state.bc)
        state.func_ir.blocks = canonicalize_cfg(state.func_ir.blocks)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class Naming(ReconstructSSA):
    """A variable for each assignment."""

    _name = "naming"

    def run_pass(self, state: Any) -> Literal[True]:
        """Give each assignment a variable of its own."""
        state.func_ir = reconstruct_ssa(state.func_ir)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class Joining(PreLowerStripPhis):
    """One variable where ways meet."""

    _name = "joining"

    def run_pass(self, state: Any) -> Literal[True]:
        """Assign at the end of a block what the next one has under one name."""
        state.func_ir = self._strip_phi_nodes(state.func_ir)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


class _Lower(Lower):
    """Numba's writer of LLVM's language, which tells no debugger about variables, and counts no references."""

    def emit_environment_object(self) -> None:
        """Keep no place for what only code needs that raises or calls Python."""

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        """Return the place of a variable on the stack."""
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)

    def lower_block(self, block: Any) -> None:
        """Lower the statements of a block; where one fails is said as numba says it."""
        self.pre_block(block)
        try:
            for self.statement in block.body:
                self.loc = self.statement.loc
                self.lower_inst(self.statement)
        except NumbaError as error:
            error.add_context(f'lowering "{self.statement}" at {self.loc}')
            raise
        self.post_block(block)

    def lower_inst(self, inst: Any) -> Any:
        """Lower a statement; most assign, and nobody reads what they look like."""
        if not isinstance(inst, ir.Assign):
            return super().lower_inst(inst)
        value = self.lower_assign(self.typeof(inst.target.name), inst)
        return self.storevar(value, inst.target.name)

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Keep the value of a variable, whose last one has no reference to give back."""
        self._alloca_var(name, self.typeof(name))
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.varmap[name])


class _WholeLower(_Lower):
    """The same, for an entry point, which is called by its entrance."""

    def create_cfunc_wrapper(self) -> None:
        """Write the entrance, in place of what numba lets C call."""
        module = self.library.create_ir_module(ENTRANCE)
        write_entrance(self.context, module, self.fndesc)
        self.library.add_ir_module(module)


class _LoweringInto(BaseNativeLowering):
    """Numba's lowering, into a library of ours."""

    _name = "lowering_into"
    library: type[CodeLibrary]
    lower: type[Lower]

    @property
    def lowering_class(self) -> type[Lower]:  # type: ignore[override]
        """Return the class that lowers the function."""
        return self.lower

    def run_pass(self, state: Any) -> Any:
        """Lower the function."""
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(_LoweringInto):
    """Lowering of a kernel that only others call."""

    _name = "part_lowering"
    library, lower = Part, _Lower


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(_LoweringInto):
    """Lowering of an entry point."""

    _name = "whole_lowering"
    library, lower = Whole, _WholeLower

    def run_pass(self, state: Any) -> Any:
        """Lower the function, unless what it returns has no words: numba writes no entrance for some of that."""
        try:
            letters(state.return_type)
        except NumbaError as error:
            error.add_context(f"{state.func_id.func_qualname} at {state.func_ir.loc}")
            raise
        return super().run_pass(state)
