//! `FT._NODE HELLO|PING|PULL frame`: what the nodes of a cluster ask each other. See [`crate::cluster`].
//!
//! Anybody can call it, even before he has logged in: that is how a node shows who it is. So all but `HELLO` is refused to whoever
//! has not shown that, whatever he may run.

use crate::cluster::catalogue::decode_version;
use crate::cluster::frame::{Frame, Kind};
use crate::cluster::login::Hello;
use crate::error::{Error, cluster as errors};
use crate::indexes::{definitions, peers, registrar};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT._NODE`
pub struct Node;

impl Command for Node {
    const INFO: Info = Info {
        flags: c"readonly fast no-auth deny-script",
        arity: 3,
        acl: "admin dangerous fast",
        complexity: c"O(1)",
        ..super::reads(c"FT._NODE", c"Answers another node of the cluster", c"1.0.0")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(word), Some(bytes), None) = (args.next(), args.next(), args.next()) else {
            return Err(Error::arity("FT._NODE"));
        };
        let says_hello = word.eq_ignore_ascii_case(b"HELLO");
        let from = if says_hello { None } else { Some(peers::node_of(ctx)?) };
        let frame = Frame::decode(bytes).map_err(errors::corrupt)?;
        let asked = [Self::INFO.name.to_bytes(), word];
        if !frame.kind.words().iter().zip(asked).all(|(word, asked)| asked.eq_ignore_ascii_case(word.as_bytes())) {
            return Err(errors::NO_SUCH_QUESTION);
        }
        if let Some(from) = from {
            registrar::heard(ctx, from, &frame);
        }
        match frame.kind {
            Kind::Hello => peers::hello(ctx, &Hello::decode(&frame.body).map_err(errors::corrupt)?),
            Kind::Ping => {
                ctx.reply().bulk(&peers::ping().encode());
                Ok(())
            }
            Kind::Pull => {
                let than = decode_version(&frame.body).map_err(errors::corrupt)?;
                ctx.reply().bulk(&peers::frame(Kind::Pull, definitions::newer(than)).encode());
                Ok(())
            }
            _ => Err(errors::NO_SUCH_QUESTION),
        }
    }
}
