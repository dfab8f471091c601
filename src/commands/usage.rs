//! The usage of every command, which `COMMAND DOCS` tells as `arguments` and redis-cli shows as hints. The notation is
//! that of [`crate::redis::syntax`](crate::redis).
//!
//! A test makes commands of these lines and sees that none is refused for its syntax; another, that every option which the parsers know
//! stands here.

/// Options of everything that runs a query.
macro_rules! query {
    () => {
        "[VERBATIM] [NOSTOPWORDS] [INFIELDS count:int [field...]] [INKEYS count:int [name...]] [SLOP slop:int] [INORDER] \
         [LANGUAGE language] [EXPANDER expander] [SCORER scorer] [BM25STD_TANH_FACTOR factor:int] [PAYLOAD payload] [TIMEOUT milliseconds:int] \
         [PARAMS nargs:int (name value)...] [DIALECT dialect:int] [FORMAT (STRING | EXPAND)] \
         [WITHCOUNT | WITHOUTCOUNT] [ALLSHARDS | SOMESHARDS] [CONSISTENT | INCONSISTENT]"
    };
}

/// What rows show beside their fields.
macro_rules! beside {
    () => {
        "[WITHSCORES [EXPLAINSCORE]] [WITHPAYLOADS] [WITHSORTKEYS]"
    };
}

/// A field of a schema.
macro_rules! field {
    () => {
        "(field [AS alias] \
          (TEXT [WEIGHT weight:double] [NOSTEM] [PHONETIC matcher] [WITHSUFFIXTRIE | NOSUFFIXTRIE] [INDEXEMPTY] [INDEXMISSING] \
             [SORTABLE [UNF]] [NOINDEX] \
           | TAG [SEPARATOR separator] [CASESENSITIVE] [WITHSUFFIXTRIE] [INDEXEMPTY] [INDEXMISSING] [SORTABLE [UNF]] [NOINDEX] \
           | NUMERIC [INDEXMISSING] [SORTABLE [UNF]] [NOINDEX] \
           | GEO [INDEXMISSING] [SORTABLE [UNF]] [NOINDEX] \
           | GEOSHAPE [FLAT | SPHERICAL] [INDEXMISSING] [SORTABLE [UNF]] [NOINDEX] \
           | VECTOR \
             (FLAT nargs:int (TYPE (FLOAT32 | FLOAT64 | FLOAT16 | BFLOAT16 | INT8 | UINT8) | DIM dim:int \
               | DISTANCE_METRIC (L2 | IP | COSINE) | INITIAL_CAP capacity:int | BLOCK_SIZE size:int)... \
             | HNSW nargs:int (TYPE (FLOAT32 | FLOAT64 | FLOAT16 | BFLOAT16 | INT8 | UINT8) | DIM dim:int \
               | DISTANCE_METRIC (L2 | IP | COSINE) | INITIAL_CAP capacity:int | M links:int | EF_CONSTRUCTION ef:int \
               | EF_RUNTIME ef:int | EPSILON epsilon:double)... \
             | SVS-VAMANA nargs:int (TYPE (FLOAT32 | FLOAT16) | DIM dim:int | DISTANCE_METRIC (L2 | IP | COSINE) \
               | EPSILON epsilon:double | COMPRESSION (LVQ8 | LVQ4 | LVQ4X4 | LVQ4X8 | LEANVEC4X8 | LEANVEC8X8) \
               | CONSTRUCTION_WINDOW_SIZE size:int | GRAPH_MAX_DEGREE degree:int | SEARCH_WINDOW_SIZE size:int \
               | TRAINING_THRESHOLD vectors:int | REDUCE dim:int)...) [INDEXMISSING]))..."
    };
}

/// REDUCE of a GROUPBY.
macro_rules! reducers {
    () => {
        "[REDUCE ((COUNT | COUNT_DISTINCT | COUNT_DISTINCTISH | SUM | MIN | MAX | AVG | STDDEV \
          | QUANTILE | TOLIST | FIRST_VALUE | RANDOM_SAMPLE | HLL | HLL_SUM) nargs:int [argument...] \
          | COLLECT nargs:int (FIELDS (* | count:int property...) [DISTINCT] [SORTBY nargs:int (property [ASC | DESC])...] \
            [LIMIT offset:int count:int])) [AS name]]..."
    };
}

/// FT.CREATE.
macro_rules! create {
    () => {
        concat!(
            "index [ON (HASH | JSON)] [PREFIX count:int prefix...] [FILTER expression] [LANGUAGE language] \
             [LANGUAGE_FIELD attribute] [SCORE score:double] [SCORE_FIELD attribute] [PAYLOAD_FIELD attribute] [MAXTEXTFIELDS] \
             [TEMPORARY seconds:int] [NOOFFSETS | WITHOFFSETS] [NOHL] [NOFIELDS] [NOFREQS] [STOPWORDS count:int [stopword...] | NOSTOPWORDS] \
             [SKIPINITIALSCAN] [INDEXALL (ENABLE | DISABLE)] SCHEMA ",
            field!()
        )
    };
}

/// FT.ALTER.
macro_rules! alter {
    () => {
        concat!("index [SKIPINITIALSCAN] SCHEMA ADD ", field!())
    };
}

/// FT.ADD.
macro_rules! add {
    () => {
        "index key:key score:double [REPLACE [PARTIAL]] [LANGUAGE language] [PAYLOAD payload] FIELDS (field value)..."
    };
}

/// FT.SEARCH.
macro_rules! search {
    () => {
        concat!(
            "index query [NOCONTENT] [RETURN count:int (identifier [AS property])...] [SORTBY property [ASC | DESC]] \
             [LIMIT offset:int count:int] [FILTER field min max]... \
             [GEOFILTER field longitude:double latitude:double radius:double (=m | =km | =mi | =ft)]... \
             [SUMMARIZE [FIELDS count:int field...] [FRAGS count:int] [LEN words:int] [SEPARATOR text]]... \
             [HIGHLIGHT [FIELDS count:int field...] [TAGS open close]]... ",
            beside!(),
            " ",
            query!()
        )
    };
}

/// Command and usage.
pub static ALL: &[(&str, &str)] = &[
    (
        "VADD",
        "key:key [REDUCE dim:int] (FP32 vector | VALUES count:int value:double...) element [CAS] [NOQUANT | Q8 | BIN] [EF ef:int] \
         [SETATTR attributes] [M links:int]",
    ),
    ("VCARD", "key:key"),
    ("VDIM", "key:key"),
    ("VEMB", "key:key element [RAW]"),
    ("VGETATTR", "key:key element"),
    ("VINFO", "key:key"),
    ("VISMEMBER", "key:key element"),
    ("VLINKS", "key:key element [WITHSCORES]"),
    ("VRANDMEMBER", "key:key [count:int]"),
    ("VRANGE", "key:key start end [count:int]"),
    ("VREM", "key:key element"),
    ("_VRESTORE", "key:key (ALL | BEGIN | MORE | END) bytes"),
    ("VSETATTR", "key:key element attributes"),
    (
        "VSIM",
        "key:key (ELE element | FP32 vector | VALUES count:int value:double...) [WITHSCORES] [WITHATTRIBS] [COUNT count:int] \
         [EPSILON distance:double] [EF ef:int] [FILTER expression] [FILTER-EF elements:int] [TRUTH] [NOTHREAD]",
    ),
    ("json.arrappend", "key:key path json..."),
    ("json.arrindex", "key:key path json [start:int [stop:int]]"),
    ("json.arrinsert", "key:key path index:int json..."),
    ("json.arrlen", "key:key [path]"),
    ("json.arrpop", "key:key [FORMAT (STRINGS | EXPAND1 | EXPAND)] [path [index:int]]"),
    ("json.arrtrim", "key:key path start:int stop:int"),
    ("json.clear", "key:key [path]"),
    ("json.debug", "(MEMORY key:key [path] | HELP)"),
    ("json.del", "key:key [path]"),
    ("json.forget", "key:key [path]"),
    (
        "json.get",
        "key:key [INDENT indent] [NEWLINE newline] [SPACE space] [NOESCAPE] [FORMAT (STRING | EXPAND | EXPAND1)] [path...]",
    ),
    ("json.merge", "key:key path json"),
    ("json.mget", "key:key... path"),
    ("json.mset", "(key:key path json)..."),
    ("json.numincrby", "key:key path number:double"),
    ("json.nummultby", "key:key path number:double"),
    ("json.numpowby", "key:key path number:double"),
    ("json.objkeys", "key:key [path]"),
    ("json.objlen", "key:key [path]"),
    ("json.resp", "key:key [path]"),
    ("json.set", "key:key path json [NX | XX] [FORMAT (STRING)] [FPHA (BF16 | FP16 | FP32 | FP64)]"),
    ("json.strappend", "key:key [path] string"),
    ("json.strlen", "key:key [path]"),
    ("json.toggle", "key:key path"),
    ("json.type", "key:key [path]"),
    ("FT.CREATE", create!()),
    ("FT._CREATEIFNX", create!()),
    ("FT.ALTER", alter!()),
    ("FT._ALTERIFNX", alter!()),
    ("FT.DROPINDEX", "index [DD]"),
    ("FT._DROPINDEXIFX", "index [DD]"),
    ("FT._DROPIFX", "index"),
    ("FT.DROP", "index [KEEPDOCS]"),
    ("FT.SEARCH", search!()),
    (
        "FT.AGGREGATE",
        concat!(
            "index query [ADDSCORES] ",
            beside!(),
            " ",
            query!(),
            " [WITHCURSOR [COUNT count:int] [MAXIDLE milliseconds:int]] [LOAD (* | count:int (identifier [AS property])...)]... \
             [GROUPBY nargs:int [property...] ",
            reducers!(),
            "]... \
             [APPLY expression [AS name]]... [FILTER expression]... \
             [SORTBY nargs:int (property [ASC | DESC])... [MAX count:int]]... [LIMIT offset:int count:int]..."
        ),
    ),
    (
        "FT.HYBRID",
        concat!(
            "index [subqueries:int] SEARCH query [SCORER scorer] [YIELD_SCORE_AS name] VSIM field vector \
             [KNN nargs:int (K k:int [EF_RUNTIME ef:int] [SHARD_K_RATIO ratio:double]) \
              | RANGE nargs:int (RADIUS radius:double [EPSILON epsilon:double])] \
             [FILTER nargs:int (condition [POLICY (ADHOC | BATCHES)] [BATCH_SIZE size:int])] [YIELD_SCORE_AS name] \
             [COMBINE (RRF nargs:int [(CONSTANT constant:double | WINDOW window:int | YIELD_SCORE_AS name)...] \
              | LINEAR nargs:int [(ALPHA alpha:double BETA beta:double | WINDOW window:int | YIELD_SCORE_AS name)...])] \
             [LOAD (* | count:int (identifier [AS property])...)]... [GROUPBY nargs:int property... ",
            reducers!(),
            "]... [APPLY expression [AS name]]... [FILTER expression]... \
             [SORTBY nargs:int (property [ASC | DESC])... | NOSORT] [LIMIT offset:int count:int] [PARAMS nargs:int (name value)...] \
             [TIMEOUT milliseconds:int] [FORMAT (STRING)] [EXPLAINSCORE] [WITHCURSOR [COUNT count:int] [MAXIDLE milliseconds:int]]"
        ),
    ),
    ("FT.PROFILE", "index (SEARCH | AGGREGATE | HYBRID) [LIMITED] QUERY query"),
    ("FT.CURSOR", "(READ index cursor:int [COUNT count:int] | DEL index cursor:int)"),
    ("FT.INFO", "index [LOCAL] [ALLSHARDS | SOMESHARDS] [CONSISTENT | INCONSISTENT]"),
    ("FT.EXPLAIN", search!()),
    ("FT.EXPLAINCLI", search!()),
    ("FT.TAGVALS", "index field"),
    ("FT.CONFIG", "(GET option | SET option value | HELP option)"),
    ("FT._LIST", ""),
    ("FT._NODE", "(HELLO | PING | PULL) frame"),
    ("FT._DEF", "(PROPOSE | PUT) frame"),
    ("FT.ALIASADD", "alias index"),
    ("FT._ALIASADDIFNX", "alias index"),
    ("FT.ALIASUPDATE", "alias index"),
    ("FT.ALIASDEL", "alias"),
    ("FT._ALIASDELIFX", "alias"),
    ("FT.ALIASLIST", "index"),
    ("FT._ALIASLIST", ""),
    ("FT.ADD", add!()),
    ("FT.SAFEADD", add!()),
    ("FT.DEL", "index key:key [DD]"),
    ("FT.GET", "index key:key"),
    ("FT.MGET", "index key:key..."),
    ("FT.SUGADD", "key:key text score:double [INCR] [PAYLOAD payload]"),
    ("FT.SUGGET", "key:key text [FUZZY] [WITHSCORES] [WITHPAYLOADS] [MAX max:int]"),
    ("FT.SUGDEL", "key:key text"),
    ("FT.SUGLEN", "key:key"),
    (
        "FT.SPELLCHECK",
        "index query [DISTANCE distance:int] [TERMS (INCLUDE | EXCLUDE) dictionary]... [TIMEOUT milliseconds:int] \
         [PARAMS nargs:int (name value)...] [DIALECT dialect:int]",
    ),
    ("FT.DICTADD", "dictionary word..."),
    ("FT.DICTDEL", "dictionary word..."),
    ("FT.DICTDUMP", "dictionary"),
    ("FT.SYNUPDATE", "index group [SKIPINITIALSCAN] word..."),
    ("FT.SYNDUMP", "index"),
    ("FT.SYNADD", "index word..."),
];
