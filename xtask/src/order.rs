//! Puts a WebAssembly file into the order in which it compresses best: what it does stays the same.
//!
//! Functions that look alike come to stand side by side, a copy of another is left out, and in each function the locals
//! that are named most often have the same small numbers. Nothing is gained before compression, a thirtieth after it.
//!
//! Why it helps: a compressor writes how far back the same bytes stood before, and the same distance again costs nothing.

use std::collections::HashMap;
use std::path::Path;

use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, Module, ValType};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, MemArg, Operator, Parser,
    Payload, TypeRef,
};

pub fn file(path: &Path) -> Result<(), String> {
    let told = |it: &dyn std::fmt::Display| format!("{}: {it}", path.display());
    let file = std::fs::read(path).map_err(|it| told(&it))?;
    let ordered = ordered(&file).map_err(|it| told(&it))?;
    std::fs::write(path, ordered).map_err(|it| told(&it))
}

fn ordered(file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut order = Order::of(file)?;
    let mut module = Module::new();
    order.parse_core_module(&mut module, Parser::new(0), file)?;
    Ok(module.finish())
}

struct Written<'a> {
    /// The number of its type, and that type's parameters.
    kind: u32,
    parameters: u32,
    body: FunctionBody<'a>,
}

struct Order<'a> {
    imported: u32,
    written: Vec<Written<'a>>,
    /// The functions that stay, as numbers in `written`.
    kept: Vec<usize>,
    /// Where each of `written` is in `kept`, or the one that it is a copy of.
    places: Vec<u32>,
    /// The new numbers of the locals of the function that is being written.
    locals: Vec<u32>,
}

impl<'a> Order<'a> {
    fn of(file: &'a [u8]) -> Result<Order<'a>, Error> {
        let (mut imported, mut parameters, mut kinds, mut bodies) = (0, Vec::new(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(file) {
            match payload? {
                Payload::TypeSection(types) => {
                    for it in types.into_iter_err_on_gc_types() {
                        parameters.push(it?.params().len() as u32);
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
        let kinds = kinds.into_iter().zip(bodies);
        let written: Vec<Written<'a>> =
            kinds.map(|(kind, body)| Written { kind, parameters: parameters[kind as usize], body }).collect();
        let mut order =
            Order { imported, places: vec![0; written.len()], written, kept: Vec::new(), locals: Vec::new() };
        order.sort()?;
        Ok(order)
    }

    fn sort(&mut self) -> Result<(), Error> {
        // By type, then by locals, then by what they do apart from which functions and locals they name.
        let (mut keys, mut first, mut same) = (Vec::new(), HashMap::new(), Vec::new());
        for (at, it) in self.written.iter().enumerate() {
            let known = *first.entry((it.kind, it.body.as_bytes())).or_insert(at);
            same.push(known);
            if known == at {
                keys.push((it.kind, declared(&it.body)?, outline(&it.body)?, at));
            }
        }
        keys.sort();
        self.kept = keys.into_iter().map(|it| it.3).collect();
        for (place, at) in self.kept.iter().enumerate() {
            self.places[*at] = self.imported + place as u32;
        }
        for (at, known) in same.into_iter().enumerate() {
            self.places[at] = self.places[known];
        }
        Ok(())
    }

    /// Numbers the locals anew: by type, then by how often they are named. The answer is their declaration.
    fn number(&mut self, it: &Written<'_>) -> Result<Vec<(u32, ValType)>, Error> {
        let mut types: Vec<ValType> = Vec::new();
        for declared in declared(&it.body)? {
            types.extend(std::iter::repeat_n(declared.1, declared.0 as usize));
        }
        let fixed = it.parameters as usize;
        let (mut uses, mut firsts) = (vec![0_usize; fixed + types.len()], vec![0_usize; fixed + types.len()]);
        let mut operators = it.body.get_operators_reader()?;
        for step in 0.. {
            if operators.eof() {
                break;
            }
            if let Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index } = operators.read()?
            {
                let local = local_index as usize;
                if uses[local] == 0 {
                    firsts[local] = step;
                }
                uses[local] += 1;
            }
        }
        let mut used: Vec<usize> = (fixed..uses.len()).filter(|it| 0 < uses[*it]).collect();
        used.sort_by_key(|it| (types[*it - fixed], usize::MAX - uses[*it], firsts[*it]));
        self.locals = (0..uses.len() as u32).collect();
        let mut declaration: Vec<(u32, ValType)> = Vec::new();
        for (local, number) in used.into_iter().zip(it.parameters..) {
            self.locals[local] = number;
            match declaration.last_mut() {
                Some(last) if last.1 == types[local - fixed] => last.0 += 1,
                _ => declaration.push((1, types[local - fixed])),
            }
        }
        Ok(declaration)
    }
}

fn declared(body: &FunctionBody<'_>) -> Result<Vec<(u32, ValType)>, Error> {
    body.get_locals_reader()?
        .into_iter()
        .map(|it| {
            it.map_err(Error::from).and_then(|(count, of)| Ok((count, RoundtripReencoder.val_type(of)?)))
        })
        .collect()
}

/// A function's bytes without the numbers of functions and locals.
fn outline(body: &FunctionBody<'_>) -> Result<Vec<u8>, Error> {
    let bytes = body.as_bytes();
    let place = |position: u64| (position - body.range().start) as usize;
    let mut operators = body.get_operators_reader()?;
    let mut outline = Vec::new();
    while !operators.eof() {
        let from = place(operators.original_position());
        let named = matches!(
            operators.read()?,
            Operator::LocalGet { .. }
                | Operator::LocalSet { .. }
                | Operator::LocalTee { .. }
                | Operator::Call { .. }
                | Operator::RefFunc { .. }
        );
        let to = if named { from + 1 } else { place(operators.original_position()) };
        outline.extend_from_slice(&bytes[from..to]);
    }
    Ok(outline)
}

impl Reencode for Order<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        let own = function.checked_sub(self.imported);
        Ok(own.map_or(function, |it| self.places[it as usize]))
    }

    fn instruction<'b>(&mut self, of: Operator<'b>) -> Result<Instruction<'b>, Error> {
        Ok(match of {
            Operator::LocalGet { local_index } => Instruction::LocalGet(self.locals[local_index as usize]),
            Operator::LocalSet { local_index } => Instruction::LocalSet(self.locals[local_index as usize]),
            Operator::LocalTee { local_index } => Instruction::LocalTee(self.locals[local_index as usize]),
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
        for at in self.kept.clone() {
            let mut function = Function::new(self.number(&written[at])?);
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
    use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, TypeSection};

    use super::*;

    fn function(locals: &[(u32, ValType)], instructions: &[Instruction<'_>]) -> Function {
        let mut function = Function::new(locals.iter().copied());
        for it in instructions {
            function.instruction(it);
        }
        function.instruction(&Instruction::End);
        function
    }

    #[test]
    fn keeps_what_functions_do() {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        types.ty().function([ValType::I32], []);
        types.ty().function([], []);
        imports.import("", "show", EntityType::Function(0));
        let (mut functions, mut code, mut exports) =
            (FunctionSection::new(), CodeSection::new(), ExportSection::new());
        for kind in [1, 0, 0] {
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
            ],
        ));
        for _ in 0..2 {
            code.function(&function(&[], &[Instruction::LocalGet(0), Instruction::Call(0)]));
        }
        exports.export("main", ExportKind::Func, 1);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
        let ordered = ordered(&module.finish()).expect("it is well formed");

        let order = Order::of(&ordered).expect("it is well formed");
        assert_eq!(order.written.iter().map(|it| it.kind).collect::<Vec<_>>(), [0, 1], "the copy is gone");
        let main = &order.written[1].body;
        let operators = main.get_operators_reader().expect("it is well formed").into_iter();
        let shown: Vec<String> =
            operators.map(|it| format!("{:?}", it.expect("it is well formed"))).collect();
        let (get, call) = (
            |it| format!("LocalGet {{ local_index: {it} }}"),
            |it| format!("Call {{ function_index: {it} }}"),
        );
        assert_eq!(shown, [get(0), call(1), get(0), call(0), get(1), call(1), "End".to_owned()]);
        assert_eq!(declared(main).ok(), Some(vec![(2, ValType::I32)]), "no local without a use");
        let exported =
            Parser::new(0).parse_all(&ordered).find_map(|it| match it.expect("it is well formed") {
                Payload::ExportSection(exports) => {
                    Some(exports.into_iter().map(|it| it.expect("one").index).collect::<Vec<_>>())
                }
                _ => None,
            });
        assert_eq!(exported, Some(vec![2]));
        assert_eq!(super::ordered(&ordered).ok(), Some(ordered), "what is in order stays so");
    }
}
