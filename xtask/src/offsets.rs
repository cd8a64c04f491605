//! Adds of a constant to an address become part of the access' offset: a copy of a file, in which less is written.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Module};
use wasmparser::{
    BlockType, ContType, FrameKind, FuncType, FunctionBody, MemArg, ModuleArity, Operator, Parser, Payload,
    RefType, SubType, TypeRef,
};

/// An address that turns round the end of memory is another with the sum as an offset. It would be among the first bytes,
/// where the stack ends that grows downwards: nothing is there.
const UNUSED: i32 = 1024;

pub fn folded(file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut folds = Folds::default();
    for payload in Parser::new(0).parse_all(file) {
        match payload? {
            Payload::TypeSection(types) => {
                for it in types {
                    folds.types.extend(it?.into_types());
                }
            }
            Payload::ImportSection(imports) => {
                for it in imports.into_imports() {
                    if let TypeRef::Func(kind) = it?.ty {
                        folds.functions.push(kind);
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for it in functions {
                    folds.functions.push(it?);
                }
            }
            _ => {}
        }
    }
    let mut module = Module::new();
    folds.parse_core_module(&mut module, Parser::new(0), file)?;
    Ok(module.finish())
}

#[derive(Default)]
struct Folds {
    types: Vec<SubType>,
    /// The number of the type of each function.
    functions: Vec<u32>,
}

impl Folds {
    fn fold(&self, operators: &mut Vec<Operator<'_>>) {
        // Of each value on the stack the addition that made it, if it added a constant that fits.
        let mut stack: Vec<Option<(usize, u32)>> = Vec::new();
        let mut gone = vec![false; operators.len()];
        for at in 0..operators.len() {
            let Some((taken, made)) =
                operators[at].operator_arity(self).filter(|_| !branches(&operators[at]))
            else {
                stack.clear();
                continue;
            };
            let rest = stack.len().saturating_sub(taken as usize);
            let operands = stack.split_off(rest);
            let address = operands.first().copied().flatten().filter(|_| operands.len() == taken as usize);
            if let (Some((addition, constant)), Some(access)) = (address, accessed(&mut operators[at])) {
                access.offset += u64::from(constant);
                gone[addition - 1..=addition].fill(true);
            }
            let sum = match (at.checked_sub(1).map(|it| &operators[it]), &operators[at]) {
                (Some(Operator::I32Const { value: constant @ 0..UNUSED }), Operator::I32Add) => {
                    Some((at, *constant as u32))
                }
                _ => None,
            };
            stack.extend(std::iter::repeat_n(sum, made as usize));
        }
        let mut gone = gone.into_iter();
        operators.retain(|_| gone.next() == Some(false));
    }
}

fn branches(of: &Operator<'_>) -> bool {
    matches!(
        of,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

macro_rules! accesses {
    ($($name:ident)*) => {
        fn accessed<'a>(of: &'a mut Operator<'_>) -> Option<&'a mut MemArg> {
            match of {
                $(Operator::$name { memarg } => Some(memarg),)*
                _ => None,
            }
        }
    };
}

accesses!(I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U I64Load8S I64Load8U I64Load16S
    I64Load16U I64Load32S I64Load32U I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16
    I64Store32);

impl Reencode for Folds {
    type Error = std::convert::Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, of: FunctionBody<'_>) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&of)?;
        let mut operators = of.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.fold(&mut operators);
        for it in operators {
            function.instruction(&utils::instruction(self, it)?);
        }
        code.function(&function);
        Ok(())
    }
}

impl ModuleArity for Folds {
    fn sub_type_at(&self, at: u32) -> Option<&SubType> {
        self.types.get(at as usize)
    }

    fn type_index_of_function(&self, at: u32) -> Option<u32> {
        self.functions.get(at as usize).copied()
    }

    // Of exceptions, continuations, references and branches: each of them ends what is known.

    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }

    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        0
    }

    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Function, FunctionSection, Instruction, MemArg, MemArgTarget, TypeSection, ValType};

    use super::*;

    /// The instructions that are left of a function with one parameter.
    fn left(of: &[Instruction<'_>]) -> Vec<String> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], []);
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        functions.function(0);
        let mut function = Function::new([]);
        for it in of {
            function.instruction(it);
        }
        function.instruction(&Instruction::End);
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        let folded = folded(&module.finish()).expect("it is well formed");
        let body = Parser::new(0).parse_all(&folded).find_map(|it| match it.expect("it is well formed") {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
        let operators = body.expect("there is one").get_operators_reader().expect("it is well formed");
        operators
            .into_iter()
            .map(|it| match it.expect("it is well formed") {
                Operator::I32Load { memarg } => format!("load {}", memarg.offset),
                Operator::I32Store { memarg } => format!("store {}", memarg.offset),
                Operator::I32Const { value } => format!("const {value}"),
                Operator::LocalGet { .. } => "get".to_owned(),
                Operator::I32Add => "add".to_owned(),
                other => format!("{other:?}").split(' ').next().unwrap_or_default().to_lowercase(),
            })
            .collect()
    }

    const AT_8: MemArg = MemArg { offset: 8, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    const SUM: [Instruction<'_>; 3] =
        [Instruction::LocalGet(0), Instruction::I32Const(12), Instruction::I32Add];

    #[test]
    fn a_sum_that_is_an_address_is_an_offset() {
        let [get, number, add] = SUM;
        let load = Instruction::I32Load(AT_8);
        assert_eq!(
            left(&[get.clone(), number.clone(), add.clone(), load.clone(), Instruction::Drop]),
            ["get", "load 20", "drop", "end"]
        );
        // The address lies under what is stored, and that is a sum too.
        let (get_2, number_2, add_2) = (get.clone(), number.clone(), add.clone());
        assert_eq!(
            left(&[get, number, add, get_2, number_2, add_2, Instruction::I32Store(AT_8)]),
            ["get", "get", "const 12", "add", "store 20", "end"]
        );
    }

    #[test]
    fn other_sums_stay() {
        let [get, number, add] = SUM;
        let load = Instruction::I32Load(AT_8);
        for constant in [-4, UNUSED] {
            let sum =
                [get.clone(), Instruction::I32Const(constant), add.clone(), load.clone(), Instruction::Drop];
            assert_eq!(left(&sum).len(), 6);
        }
        // It is kept in a local, or comes from two sides.
        let tee = Instruction::LocalTee(0);
        assert_eq!(
            left(&[get.clone(), number.clone(), add.clone(), tee, load.clone(), Instruction::Drop]).len(),
            7
        );
        let block = Instruction::Block(wasm_encoder::BlockType::Result(ValType::I32));
        let ended = [block, get, number, add, Instruction::End, load, Instruction::Drop];
        assert_eq!(left(&ended).len(), 8);
    }
}
