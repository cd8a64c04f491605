//! Puts a WebAssembly file into the order in which it compresses best: what it does stays the same.
//!
//! Functions that look alike come to stand side by side, a copy of another is left out, and locals are numbered so that the
//! same code names the same numbers. Nothing is gained before compression, a fifteenth after it.
//!
//! Why it helps: a compressor writes how far back the same bytes stood before, and the same distance again costs nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, Module, ValType};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, MemArg, Operator, Parser,
    Payload, TypeRef,
};

use crate::locals::{self, Locals, Numbers};
use crate::offsets;
use crate::values::Step;

pub fn file(path: &Path) -> Result<(), String> {
    let told = |it: &dyn std::fmt::Display| format!("{}: {it}", path.display());
    let file = std::fs::read(path).map_err(|it| told(&it))?;
    let file = offsets::folded(&file).map_err(|it| told(&it))?;
    let ordered = ordered(&file).map_err(|it| told(&it))?;
    std::fs::write(path, ordered).map_err(|it| told(&it))
}

fn ordered(file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut order = Order::of(file)?;
    let mut module = Module::new();
    order.parse_core_module(&mut module, Parser::new(0), file)?;
    Ok(module.finish())
}

/// A function of the file.
struct Written<'a> {
    /// The number of its type.
    kind: u32,
    body: FunctionBody<'a>,
    /// Its code without the numbers of functions and locals, and these numbers.
    outline: Vec<u8>,
    functions: Vec<u32>,
    locals: Locals,
}

struct Order<'a> {
    imported: u32,
    written: Vec<Written<'a>>,
    /// The functions that stay, as numbers in `written`.
    kept: Vec<usize>,
    /// Where each of `written` is from now on, or the one that it is a copy of.
    places: Vec<u32>,
    /// Of the locals of each of `kept`.
    numbers: Vec<Numbers>,
    /// The new numbers of the locals that are still to be named in the function that is being written.
    locals: std::vec::IntoIter<u32>,
}

impl<'a> Order<'a> {
    fn of(file: &'a [u8]) -> Result<Order<'a>, Error> {
        let (mut imported, mut parameters, mut kinds, mut bodies) = (0, Vec::new(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(file) {
            match payload? {
                Payload::TypeSection(types) => {
                    for it in types.into_iter_err_on_gc_types() {
                        let it = it?;
                        let types = it.params().iter().map(|it| RoundtripReencoder.val_type(*it));
                        parameters.push(types.collect::<Result<Vec<_>, _>>()?);
                    }
                }
                Payload::ImportSection(imports) => {
                    for it in imports.into_imports() {
                        imported += u32::from(matches!(it?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(functions) => {
                    for it in functions {
                        kinds.push(it?);
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        let written: Vec<Written<'a>> = kinds
            .into_iter()
            .zip(bodies)
            .map(|(kind, body)| Written::of(kind, &parameters[kind as usize], body))
            .collect::<Result<_, Error>>()?;
        let same = copies(&written, imported);
        let mut kept: Vec<usize> = (0..written.len()).filter(|it| same[*it] == *it).collect();
        kept.sort_by_cached_key(|it| {
            let it = &written[*it];
            (it.kind, it.locals.used(), &it.outline)
        });
        let mut places = vec![0; written.len()];
        for (at, place) in kept.iter().zip(imported..) {
            places[*at] = place;
        }
        let places = same.into_iter().map(|it| places[it]).collect();
        let numbers = locals::numbers(&kept.iter().map(|it| &written[*it].locals).collect::<Vec<_>>());
        Ok(Order { imported, written, kept, places, numbers, locals: Vec::new().into_iter() })
    }
}

/// The first function that does the same as each. Where callees are the same, callers may turn out to be.
fn copies(written: &[Written<'_>], imported: u32) -> Vec<usize> {
    let mut same: Vec<usize> = (0..written.len()).collect();
    loop {
        let mut first = HashMap::new();
        let callee = |function: &u32| match function.checked_sub(imported) {
            Some(it) => same[it as usize] + imported as usize,
            None => *function as usize,
        };
        let found: Vec<usize> = written
            .iter()
            .enumerate()
            .map(|(at, it)| {
                let callees: Vec<usize> = it.functions.iter().map(callee).collect();
                *first.entry((it.kind, &it.locals, &it.outline, callees)).or_insert(at)
            })
            .collect();
        if found == same {
            return same;
        }
        same = found;
    }
}

impl<'a> Written<'a> {
    fn of(kind: u32, parameters: &[ValType], body: FunctionBody<'a>) -> Result<Written<'a>, Error> {
        let mut types = parameters.to_vec();
        for it in body.get_locals_reader()? {
            let (count, of) = it?;
            types.extend(std::iter::repeat_n(RoundtripReencoder.val_type(of)?, count as usize));
        }
        let (mut outline, mut functions) = (Vec::new(), Vec::new());
        let (mut instructions, mut named, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let place = |position: u64| (position - body.range().start) as usize;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let from = place(operators.original_position());
            let mut to = from + 1;
            let operator = operators.read()?;
            steps.extend(step(&operator));
            match operator {
                Operator::LocalGet { .. } | Operator::LocalSet { .. } | Operator::LocalTee { .. } => {
                    named.push(instructions.len());
                }
                Operator::Call { function_index: it } | Operator::RefFunc { function_index: it } => {
                    functions.push(it);
                }
                _ => to = place(operators.original_position()),
            }
            let code = &body.as_bytes()[from..to];
            outline.extend_from_slice(code);
            let mut hasher = DefaultHasher::new();
            hasher.write(code);
            instructions.push(hasher.finish());
        }
        let locals = Locals { parameters: parameters.len(), types, instructions, named, steps };
        Ok(Written { kind, body, outline, functions, locals })
    }
}

impl Order<'_> {
    fn local(&mut self) -> u32 {
        self.locals.next().unwrap_or_default()
    }
}

fn step(of: &Operator<'_>) -> Option<Step> {
    let branch = |to: Vec<u32>, goes_on| Step::Branch { to, goes_on };
    Some(match of {
        Operator::LocalGet { local_index: it } => Step::Get(*it as usize),
        Operator::LocalSet { local_index: it } | Operator::LocalTee { local_index: it } => {
            Step::Set(*it as usize)
        }
        Operator::Block { .. } => Step::Block,
        Operator::Loop { .. } => Step::Loop,
        Operator::If { .. } => Step::If,
        Operator::Else => Step::Else,
        Operator::End => Step::End,
        Operator::Br { relative_depth: it } => branch(vec![*it], false),
        Operator::BrIf { relative_depth: it } => branch(vec![*it], true),
        Operator::BrTable { targets } => {
            branch(targets.targets().flatten().chain([targets.default()]).collect(), false)
        }
        Operator::Return | Operator::Unreachable => branch(Vec::new(), false),
        _ => return None,
    })
}

impl Reencode for Order<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        let own = function.checked_sub(self.imported);
        Ok(own.map_or(function, |it| self.places[it as usize]))
    }

    fn instruction<'b>(&mut self, of: Operator<'b>) -> Result<Instruction<'b>, Error> {
        Ok(match of {
            Operator::LocalGet { .. } => Instruction::LocalGet(self.local()),
            Operator::LocalSet { .. } => Instruction::LocalSet(self.local()),
            Operator::LocalTee { .. } => Instruction::LocalTee(self.local()),
            other => utils::instruction(self, other)?,
        })
    }

    /// An alignment is a hint that no browser heeds: one for all is shorter.
    fn mem_arg(&mut self, of: MemArg) -> Result<wasm_encoder::MemArg, Error> {
        utils::mem_arg(self, MemArg { align: of.max_align, ..of })
    }

    /// Names would be those of other functions.
    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        for at in &self.kept {
            functions.function(self.written[*at].kind);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, _: CodeSectionReader<'_>) -> Result<(), Error> {
        let written = std::mem::take(&mut self.written);
        let numbers = std::mem::take(&mut self.numbers);
        for (at, Numbers { named, declaration }) in self.kept.clone().into_iter().zip(numbers) {
            self.locals = named.into_iter();
            let mut function = Function::new(declaration);
            let mut operators = written[at].body.get_operators_reader()?;
            while !operators.eof() {
                function.instruction(&self.parse_instruction(&mut operators)?);
            }
            code.function(&function);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, TypeSection, ValType};

    use super::*;

    fn function(locals: &[(u32, ValType)], instructions: &[Instruction<'_>]) -> Function {
        let mut function = Function::new(locals.iter().copied());
        for it in instructions {
            function.instruction(it);
        }
        function.instruction(&Instruction::End);
        function
    }

    /// Two copies, what calls each and nothing else, and what calls these.
    #[test]
    fn keeps_what_functions_do() {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        types.ty().function([ValType::I32], []);
        types.ty().function([], []);
        imports.import("", "show", EntityType::Function(0));
        let (mut functions, mut code, mut exports) =
            (FunctionSection::new(), CodeSection::new(), ExportSection::new());
        for kind in [1, 0, 0, 1, 1] {
            functions.function(kind);
        }
        // Calls the copy; names its second local first and more often.
        code.function(&function(
            &[(2, ValType::I32), (1, ValType::I64)],
            &[
                Instruction::LocalGet(1),
                Instruction::Call(3),
                Instruction::LocalGet(1),
                Instruction::Call(0),
                Instruction::LocalGet(0),
                Instruction::Call(2),
                Instruction::Call(4),
                Instruction::Call(5),
            ],
        ));
        for _ in 0..2 {
            code.function(&function(&[], &[Instruction::LocalGet(0), Instruction::Call(0)]));
        }
        for copy in [2, 3] {
            code.function(&function(&[], &[Instruction::I32Const(7), Instruction::Call(copy)]));
        }
        exports.export("main", ExportKind::Func, 1);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
        let ordered = ordered(&module.finish()).expect("it is well formed");

        let order = Order::of(&ordered).expect("it is well formed");
        assert_eq!(
            order.written.iter().map(|it| it.kind).collect::<Vec<_>>(),
            [0, 1, 1],
            "the copies are gone"
        );
        let main = &order.written[2].body;
        let operators = main.get_operators_reader().expect("it is well formed").into_iter();
        let shown: Vec<String> =
            operators.map(|it| format!("{:?}", it.expect("it is well formed"))).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let [one, calls_1, again, calls_0, other, rest @ ..] = &shown[..] else { panic!("nine are written") };
        let call = |it| format!("Call {{ function_index: {it} }}");
        assert_eq!(one, again);
        assert!(one.starts_with("LocalGet") && other.starts_with("LocalGet") && one != other);
        assert_eq!([*calls_1, *calls_0], [call(1), call(0)]);
        assert_eq!(rest, [&call(1), &call(2), &call(2), "End"]);
        assert!(
            order.written[2].locals.types.iter().all(|it| *it == ValType::I32),
            "what nothing names is gone"
        );
        let exported =
            Parser::new(0).parse_all(&ordered).find_map(|it| match it.expect("it is well formed") {
                Payload::ExportSection(exports) => {
                    Some(exports.into_iter().map(|it| it.expect("one").index).collect::<Vec<_>>())
                }
                _ => None,
            });
        assert_eq!(exported, Some(vec![3]));
        assert_eq!(super::ordered(&ordered).ok(), Some(ordered), "what is in order stays so");
    }
}
