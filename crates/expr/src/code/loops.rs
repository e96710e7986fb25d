//! The functions that evaluate an expression for each item, as loops.

use super::emit::{Emitted, Emitter};
use super::{Failure, Op};
use crate::builtins::Loop;
use crate::error::CompileErrorKind;
use crate::syntax::ast::{BuiltinCall, NodeId};

impl Emitter<'_> {
    pub(super) fn looped(&mut self, kind: Loop, call: &BuiltinCall) -> Emitted {
        let Some((list, rest)) = call.args.split_first() else {
            let message = format!("`{}` takes a list", call.function.name());
            return Err(self.error(CompileErrorKind::Syntax, message));
        };
        let predicate = rest.first().copied();
        self.emit(*list)?;
        self.op(Op::Begin);
        match kind {
            Loop::All => self.until(predicate, None, Op::JumpIfFalse(0), true)?,
            Loop::None => self.until(predicate, Some(Op::Not), Op::JumpIfFalse(0), true)?,
            Loop::Any => self.until(predicate, None, Op::JumpIfTrue(0), false)?,
            Loop::One => {
                self.counting(predicate, None)?;
                let one = self.constant(dodona_value::Value::int(1));
                self.op(Op::Hits);
                self.op(Op::Const(one));
                self.op(Op::Equal);
            }
            Loop::Filter => self.filter(predicate, call.map)?,
            Loop::Map => {
                let start = self.start();
                self.item_or(predicate)?;
                self.finish(start);
                self.op(Op::ListOf { hits: false });
            }
            Loop::Count => {
                self.counting(predicate, call.threshold)?;
                self.op(Op::Hits);
            }
            Loop::Sum => {
                self.op(Op::SetAccInt);
                let start = self.start();
                self.item_or(predicate)?;
                self.op(Op::Acc);
                self.op(Op::Add);
                self.op(Op::SetAcc);
                self.finish(start);
                self.op(Op::Acc);
            }
            Loop::Find => self.find(predicate, call, false, false)?,
            Loop::FindIndex => self.find(predicate, call, true, false)?,
            Loop::FindLast => self.find(predicate, call, false, true)?,
            Loop::FindLastIndex => self.find(predicate, call, true, true)?,
            Loop::GroupBy => {
                let start = self.start();
                self.item_or(predicate)?;
                self.op(Op::Group);
                self.finish(start);
                self.op(Op::Groups);
            }
            Loop::SortBy => self.sort_by(predicate, rest.get(1).copied())?,
            Loop::Reduce => self.reduce(predicate, rest.get(1).copied())?,
        }
        self.op(Op::End);
        Ok(())
    }

    /// The head of a loop over all items: gives the place to come back to and the jump that leaves.
    fn start(&mut self) -> (u32, usize) {
        let begin = self.here();
        (begin, self.op(Op::JumpIfEnd(0)))
    }

    /// The foot of a loop; what follows is where it ends.
    fn finish(&mut self, (begin, exit): (u32, usize)) {
        self.op(Op::Next(begin));
        self.land(exit);
    }

    /// The predicate, or the item itself where there is none.
    fn item_or(&mut self, predicate: Option<NodeId>) -> Emitted {
        if let Some(predicate) = predicate {
            return self.emit(predicate);
        }
        self.op(Op::Item);
        Ok(())
    }

    /// Evaluates the predicate until `leave` jumps; `otherwise` is the result if it never does.
    fn until(&mut self, predicate: Option<NodeId>, then: Option<Op>, leave: Op, otherwise: bool) -> Emitted {
        let start = self.start();
        self.item_or(predicate)?;
        if let Some(op) = then {
            self.op(op);
        }
        let hit = self.op(leave);
        self.op(Op::Pop);
        self.finish(start);
        let result = self.constant(dodona_value::Value::Bool(otherwise));
        self.op(Op::Const(result));
        self.land(hit);
        Ok(())
    }

    /// Runs `body` where the value on top is true, and takes that value away.
    fn when(&mut self, body: impl FnOnce(&mut Self) -> Emitted) -> Emitted {
        let skip = self.op(Op::JumpIfFalse(0));
        self.op(Op::Pop);
        body(self)?;
        let end = self.op(Op::Jump(0));
        self.land(skip);
        self.op(Op::Pop);
        self.land(end);
        Ok(())
    }

    fn counting(&mut self, predicate: Option<NodeId>, threshold: Option<i64>) -> Emitted {
        let start = self.start();
        self.item_or(predicate)?;
        let mut leave = None;
        self.when(|emitter| {
            emitter.op(Op::Hit);
            if let Some(number) = threshold.and_then(|number| u32::try_from(number).ok()) {
                leave = Some(emitter.op(Op::JumpIfHits { number, target: 0 }));
            }
            Ok(())
        })?;
        self.finish(start);
        if let Some(leave) = leave {
            self.land(leave);
        }
        Ok(())
    }

    fn filter(&mut self, predicate: Option<NodeId>, map: Option<NodeId>) -> Emitted {
        let start = self.start();
        self.item_or(predicate)?;
        self.when(|emitter| {
            emitter.op(Op::Hit);
            emitter.item_or(map)
        })?;
        self.finish(start);
        self.op(Op::ListOf { hits: true });
        Ok(())
    }

    fn find(
        &mut self,
        predicate: Option<NodeId>,
        call: &BuiltinCall,
        index: bool,
        backwards: bool,
    ) -> Emitted {
        let start = if backwards {
            self.op(Op::ToLast);
            let begin = self.here();
            (begin, self.op(Op::JumpIfStart(0)))
        } else {
            self.start()
        };
        self.item_or(predicate)?;
        let miss = self.op(Op::JumpIfFalse(0));
        self.op(Op::Pop);
        if index {
            self.op(Op::ItemIndex);
        } else {
            self.item_or(call.map)?;
        }
        let found = self.op(Op::Jump(0));
        self.land(miss);
        self.op(Op::Pop);
        if backwards {
            self.op(Op::Previous(start.0));
            self.land(start.1);
        } else {
            self.finish(start);
        }
        self.op(if call.throws { Op::Throw(Failure::NothingFound) } else { Op::Nil });
        self.land(found);
        Ok(())
    }

    fn sort_by(&mut self, predicate: Option<NodeId>, order: Option<NodeId>) -> Emitted {
        if let Some(order) = order {
            self.emit(order)?;
        } else {
            let ascending = self.constant(dodona_value::Value::text("asc"));
            self.op(Op::Const(ascending));
        }
        self.op(Op::SortStart);
        let start = self.start();
        self.item_or(predicate)?;
        self.op(Op::SortAdd);
        self.finish(start);
        self.op(Op::SortEnd);
        Ok(())
    }

    fn reduce(&mut self, predicate: Option<NodeId>, initial: Option<NodeId>) -> Emitted {
        if let Some(initial) = initial {
            self.emit(initial)?;
            self.op(Op::SetAcc);
        } else {
            let empty = self.op(Op::JumpIfEnd(0));
            self.op(Op::Item);
            self.op(Op::Skip);
            self.op(Op::SetAcc);
            let filled = self.op(Op::Jump(0));
            self.land(empty);
            self.op(Op::Throw(Failure::EmptyReduce));
            self.land(filled);
        }
        let start = self.start();
        self.item_or(predicate)?;
        self.op(Op::SetAcc);
        self.finish(start);
        self.op(Op::Acc);
        Ok(())
    }
}
