//! The cluster that this server is a node of: its nodes, and messages between modules over its bus.
//!
//! The bus is used for hints and for the login of connections (see [`crate::cluster::login`]), never for anything that has to
//! arrive. Its small print, tried on Redis 7.0 and Valkey 9.1:
//!
//! * A message passes through the main thread of both sides, and through the queue of the cluster's own: ours have 25 bytes.
//! * The receiver is found by a number made of the module's name. That is 0 for every name that has not nine characters, ours
//!   too. So another module may take our types of messages, or get ours: each begins with a word and a version, and
//!   is dropped where it does not.
//! * Names of nodes are 40 bytes without a NUL behind, where the server gives them; where it takes them, it wants one.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::net::{IpAddr, SocketAddr};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use redis_module::raw as ffi;

use super::context::{Context, LogLevel, log};
use super::errands;
use super::loading::Loading;
use crate::cluster::node::NodeId;
use crate::cluster::roll::Roll;

/// A node, as the cluster knows it.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// Where clients reach it.
    pub address: Option<SocketAddr>,
    /// Whether it is this one.
    pub is_here: bool,
    /// Whether it is a master.
    pub is_master: bool,
    /// Whether the cluster holds it for gone.
    pub fails: bool,
}

/// A kind of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// Did you say this nonce to me?
    DidYouSay,
    /// I did.
    IDid,
}

impl Message {
    const ALL: [Self; 2] = [Self::DidYouSay, Self::IDid];

    /// The type of its messages on the bus.
    const fn number(self) -> u8 {
        match self {
            Self::DidYouSay => 0xEA,
            Self::IDid => 0xEB,
        }
    }
}

/// What each of our messages begins with: a word, and the version of what follows.
const BEGIN: &[u8] = b"nearset\x01";

/// Who is told of the cluster. One table for the library.
pub struct Members {
    /// A node sent a message.
    pub message: fn(&Context, NodeId, Message, &[u8]),
    /// Called on the main thread, for the first time soon after the server was started, then when it says.
    pub tick: fn(&Context),
}

static MEMBERS: OnceLock<&'static Members> = OnceLock::new();
/// Whether the server is a node of a cluster, and talks with the others.
static IS_NODE: AtomicBool = AtomicBool::new(false);

/// Whether the server is a node of a cluster, and talks with the others. They do not where the cluster wants TLS.
pub fn is_node() -> bool {
    IS_NODE.load(Ordering::Relaxed)
}

/// Takes part in the cluster, where the server is a node of one.
pub fn join(loading: &Loading, members: &'static Members) {
    // SAFETY: the context is valid while loading.
    let ctx = unsafe { Context::new(loading.raw) };
    if ctx.flags() & ffi::REDISMODULE_CTX_FLAGS_CLUSTER == 0 || MEMBERS.set(members).is_err() {
        return;
    }
    errands::prepare(loading);
    ctx.look_for_tls();
    for message in Message::ALL {
        // SAFETY: the context is valid while loading, the function lives as long as the library.
        unsafe {
            api!(RedisModule_RegisterClusterMessageReceiver(loading.raw, message.number(), Some(received)));
        }
    }
    ctx.later(1, members.tick);
}

/// A message came over the bus.
unsafe extern "C" fn received(
    raw: *mut ffi::RedisModuleCtx,
    sender: *const c_char,
    number: u8,
    bytes: *const std::ffi::c_uchar,
    len: u32,
) {
    // SAFETY: the server passes a valid context, the 40 bytes of a name, and `len` bytes, for the time of the call.
    let (ctx, sender, bytes) = unsafe {
        let sender = std::slice::from_raw_parts(sender.cast::<u8>(), NodeId::LEN);
        let bytes = if len == 0 { &[] } else { std::slice::from_raw_parts(bytes, len as usize) };
        (Context::new(raw), sender, bytes)
    };
    let message = Message::ALL.into_iter().find(|message| message.number() == number);
    if let (Some(members), Some(message), Some(sender), Some(payload)) =
        (MEMBERS.get(), message, NodeId::new(sender), bytes.strip_prefix(BEGIN))
    {
        (members.message)(&ctx, sender, message, payload);
    }
}

/// A name as the server takes it.
fn with_nul(id: NodeId) -> [u8; NodeId::LEN + 1] {
    std::array::from_fn(|at| id.bytes().get(at).copied().unwrap_or(0))
}

impl Context {
    /// Looks whether the cluster wants TLS, in which nodes do not talk.
    pub fn look_for_tls(&self) {
        let wants = self.server_setting(b"tls-cluster").is_some_and(|value| value == b"yes");
        IS_NODE.store(!wants, Ordering::Relaxed);
    }

    /// Sends a message to a node; false where there is no such node, or no link to it. It may be lost all the same.
    pub fn tell_node(&self, to: NodeId, message: Message, payload: &[u8]) -> bool {
        let (to, bytes) = (with_nul(to), [BEGIN, payload].concat());
        // SAFETY: the context is valid by new's promise; name and bytes are valid during the call.
        let sent = unsafe {
            api!(RedisModule_SendClusterMessage(
                self.raw,
                to.as_ptr().cast(),
                message.number(),
                bytes.as_ptr().cast(),
                bytes.len() as u32
            ))
        };
        sent == ffi::REDISMODULE_OK as c_int
    }

    /// The nodes of the cluster, this one among them; none where the server is in no cluster.
    pub fn nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut count = 0;
        // SAFETY: the context is valid by new's promise; the list has `count` names of 40 bytes each, and is freed once.
        unsafe {
            let list = api!(RedisModule_GetClusterNodesList(self.raw, &mut count));
            if list.is_null() {
                return nodes;
            }
            for at in 0..count {
                let name = std::slice::from_raw_parts((*list.add(at)).cast::<u8>(), NodeId::LEN);
                nodes.extend(NodeId::new(name).and_then(|id| self.node(id)));
            }
            api!(RedisModule_FreeClusterNodesList(list));
        }
        nodes
    }

    /// The masters of the cluster.
    pub fn roll(&self) -> Roll {
        self.call(c"CLUSTER", &[b"NODES"], |text| text.map(Roll::read).unwrap_or_default())
    }

    fn node(&self, id: NodeId) -> Option<Node> {
        const HERE: u32 = ffi::REDISMODULE_NODE_MYSELF;
        const MASTER: u32 = ffi::REDISMODULE_NODE_MASTER;
        const FAILS: u32 = ffi::REDISMODULE_NODE_FAIL;
        let name = with_nul(id);
        let mut address = [0u8; 64];
        let mut master = [0u8; NodeId::LEN + 1];
        let (mut port, mut flags) = (0, 0);
        // SAFETY: the context is valid by new's promise; the server writes an address of at most 46 bytes and a name of 40.
        let known = unsafe {
            api!(RedisModule_GetClusterNodeInfo(
                self.raw,
                name.as_ptr().cast(),
                address.as_mut_ptr().cast(),
                master.as_mut_ptr().cast(),
                &mut port,
                &mut flags
            ))
        };
        if known != ffi::REDISMODULE_OK as c_int {
            return None;
        }
        let address = CStr::from_bytes_until_nul(&address).ok()?.to_str().ok()?.parse::<IpAddr>().ok();
        let address = address.zip(u16::try_from(port).ok().filter(|port| *port > 0)).map(SocketAddr::from);
        let has = |flag: u32| flags as u32 & flag != 0;
        Some(Node { id, address, is_here: has(HERE), is_master: has(MASTER), fails: has(FAILS) })
    }

    /// The client of this call is a node from now on: it may run the commands that nodes ask with, and nothing else. False where the
    /// server does not let a client be that.
    pub fn authenticate_node(&self) -> bool {
        let Some(user) = node_user() else { return false };
        let null = std::ptr::null_mut();
        // SAFETY: the context is valid by new's promise; the user is never freed; no callback, no data, no number is wanted.
        let done =
            unsafe { api!(RedisModule_AuthenticateClientWithUser(self.raw, user.as_ptr(), None, null, null.cast())) };
        done == ffi::REDISMODULE_OK as c_int
    }
}

/// Whether a client is connected.
pub fn is_connected(client: u64) -> bool {
    // SAFETY: the server takes a null structure: nothing is to be told but whether the client is there.
    unsafe { api!(RedisModule_GetClientInfoById(std::ptr::null_mut(), client)) == ffi::REDISMODULE_OK as c_int }
}

/// What the user of nodes may do.
const RULES: [&CStr; 4] = [c"on", c"-@all", c"+ft._node", c"+ft._def"];

thread_local! {
    static NODE_USER: Cell<Option<NonNull<ffi::RedisModuleUser>>> = const { Cell::new(None) };
}

/// The user that clients become which are nodes. It is in no list of users.
fn node_user() -> Option<NonNull<ffi::RedisModuleUser>> {
    if let Some(user) = NODE_USER.get() {
        return Some(user);
    }
    // SAFETY: names and rules are C strings; the user is made once, and never freed.
    let user = unsafe { NonNull::new(api!(RedisModule_CreateModuleUser(c"nearset-node".as_ptr())))? };
    for rule in RULES {
        // SAFETY: as above.
        let done = unsafe { api!(RedisModule_SetModuleUserACL(user.as_ptr(), rule.as_ptr())) };
        if done != ffi::REDISMODULE_OK as c_int {
            log(LogLevel::Warning, &format!("the server refused the rule {} for nodes", rule.to_string_lossy()));
            return None;
        }
    }
    NODE_USER.set(Some(user));
    Some(user)
}
