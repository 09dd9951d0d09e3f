//! The owner's function: called after our write of a row, within its transaction.

use mappers::map::Overflow;

use crate::store::apply::{Abort, Step};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::ChangeRefusal;
use crate::store::place::Placed;

/// What the function does is another program's doing: the triggers note it.
const THEIRS: &str = "set local app.gateway_writing = 'off'";
const OURS: &str = "set local app.gateway_writing = 'on'";

/// Calls the functions of the maps whose rows the steps have written. A row whose function fails is no row: its resource
/// goes where it goes when the table refuses it.
pub(crate) async fn after_write(core: &Core, connection: &mut Connection, steps: &[Step<'_>]) -> Result<(), Abort> {
    let mut refused = Vec::new();
    for step in steps.iter().filter(|_| core.after_write) {
        let Placed::Mapped { map, key, .. } = &step.placed else { continue };
        let Some(function) = &core.map(*map).after_write else { continue };
        let call = format!("select {}({})", core.quote(function), core.bind_key("$1", core.map(*map)));
        connection.script(&format!("{}; {THEIRS}", dialect::savepoint("after_write"))).await?;
        let row =
            mappers::array::parts_of_key(key).filter(|_| core.map(*map).array.is_some()).map_or(&**key, |key| key.0);
        match connection.fetch(&call, &[Arg::Text(row)]).await {
            Ok(_) => connection.script(&format!("{}; {OURS}", dialect::release("after_write"))).await?,
            Err(error) if is_its_own(&error) => {
                connection.script(&dialect::rollback_to("after_write")).await?;
                if core.map(*map).overflow == Overflow::Refuse {
                    return Err(refusal(step, function));
                }
                refused.push((step.unit, step.index, *map));
            }
            Err(error) => return Err(Abort::Database(error)),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Abort::Overflow(refused)) }
}

/// The function itself fails, not the database around it.
fn is_its_own(error: &DbError) -> bool {
    error.is_misfit() || !error.is_lock_timeout() && matches!(error.kind, DbErrorKind::Denied | DbErrorKind::Other)
}

fn refusal(step: &Step<'_>, function: &str) -> Abort {
    Abort::Refused {
        unit: step.unit,
        index: step.index,
        reason: ChangeRefusal::Unprocessable {
            column: function.to_owned(),
            expression: step.change.kind.to_string(),
            reason: "the function that follows the write refuses it".to_owned(),
        },
    }
}
