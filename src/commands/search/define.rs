//! `FT._DEF PROPOSE|PUT frame`: definitions on their way through a cluster. See [`crate::indexes::registrar`].
//!
//! A node sends it, a master its replicas, and it stands in the AOF. It is refused to everybody else.

use crate::cluster::catalogue::decode_entries;
use crate::cluster::frame::{Frame, Kind};
use crate::cluster::proposal::Proposal;
use crate::error::{Error, cluster as errors};
use crate::indexes::{definitions, peers, registrar};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT._DEF`
pub struct Define;

impl Command for Define {
    const INFO: Info = Info {
        arity: 3,
        acl: "admin dangerous write slow",
        ..super::defines(
            c"FT._DEF",
            c"write no-auth deny-script",
            c"Takes definitions from another node of the cluster",
        )
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(word), Some(bytes), None) = (args.next(), args.next(), args.next()) else {
            return Err(Error::arity("FT._DEF"));
        };
        if !ctx.is_told() {
            peers::node_of(ctx)?;
            if !registrar::spreads() {
                return Err(errors::NOT_SPREAD);
            }
        }
        let frame = Frame::decode(bytes).map_err(errors::corrupt)?;
        match frame.kind {
            Kind::Put if word.eq_ignore_ascii_case(b"PUT") => {
                let (horizon, entries) = decode_entries(&frame.body).map_err(errors::corrupt)?;
                let news = definitions::put(ctx, horizon, &entries);
                if news > 0 {
                    registrar::TAKEN.add(news as u64);
                    ctx.replicate_verbatim();
                }
                ctx.reply().bulk(&peers::frame(Kind::Put, Vec::new()).encode());
                Ok(())
            }
            Kind::Propose if word.eq_ignore_ascii_case(b"PROPOSE") => {
                let proposal = Proposal::decode(&frame.body).map_err(errors::corrupt)?;
                let client = ctx.block_if(true).ok_or(errors::NO_SUCH_QUESTION)?;
                registrar::decide_for(ctx, proposal, move |outcome| {
                    client.finish(move |ctx| {
                        ctx.reply().bulk(&peers::frame(Kind::Propose, outcome.encode()).encode());
                        Ok(())
                    });
                });
                Ok(())
            }
            _ => Err(errors::NO_SUCH_QUESTION),
        }
    }
}
