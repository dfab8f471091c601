/* A module that reads documents through the table RedisJSON_V5, as a search module does: READ key path [AUTOMEMORY] answers
 * what every function of the table says. Declares by itself the few things of the server's API that it needs. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct Ctx Ctx;
typedef struct Text Text;
typedef struct Key Key;
typedef const void *Value;

typedef struct {
  Value (*openKey)(Ctx *, Text *);
  Value (*openKeyFromStr)(Ctx *, const char *);
  void *(*get)(Value, const char *);
  Value (*next)(void *);
  size_t (*len)(void *);
  void (*freeIter)(void *);
  Value (*getAt)(Value, size_t);
  int (*getLen)(Value, size_t *);
  int (*getType)(Value);
  int (*getInt)(Value, long long *);
  int (*getDouble)(Value, double *);
  int (*getBoolean)(Value, int *);
  int (*getString)(Value, const char **, size_t *);
  int (*getJSON)(Value, Ctx *, Text **);
  int (*isJSON)(Key *);
  const void *(*pathParse)(const char *, Ctx *, Text **);
  void (*pathFree)(const void *);
  int (*pathIsSingle)(const void *);
  int (*pathHasDefinedOrder)(const void *);
  int (*getJSONFromIter)(void *, Ctx *, Text **);
  void (*resetIter)(void *);
  void *(*getKeyValues)(Value);
  Value (*nextKeyValue)(void *, Text **);
  void (*freeKeyValuesIter)(void *);
  Value (*openKeyWithFlags)(Ctx *, Text *, int);
} Table;

static int (*GetApi)(const char *, void *);
static int (*SetModuleAttribs)(Ctx *, const char *, int, int);
static int (*CreateCommand)(Ctx *, const char *, int (*)(Ctx *, Text **, int), const char *, int, int, int);
static void *(*GetSharedAPI)(Ctx *, const char *);
static int (*ReplyWithStringBuffer)(Ctx *, const char *, size_t);
static int (*ReplyWithError)(Ctx *, const char *);
static const char *(*StringPtrLen)(const Text *, size_t *);
static void (*FreeString)(Ctx *, Text *);
static void (*AutoMemory)(Ctx *);
static Key *(*OpenKey)(Ctx *, Text *, int);

static char out[100000];
static size_t used;
#define SAY(...) (used += (size_t)snprintf(out + used, sizeof out - used, __VA_ARGS__))

/* A string that the table gave us: it is ours to free. */
static void say_text(const char *name, Text *text) {
  size_t len;
  const char *bytes = StringPtrLen(text, &len);
  SAY(" %s=%.*s", name, (int)len, bytes);
  FreeString(NULL, text);
}

static void say_value(Table *json, Ctx *ctx, Value value, int depth) {
  long long integer;
  double number;
  int truth;
  const char *bytes;
  size_t len;
  Text *text;
  SAY("\n%*stype=%d", depth, "", json->getType(value));
  if (json->getInt(value, &integer) == 0) SAY(" int=%lld", integer);
  if (json->getDouble(value, &number) == 0) SAY(" double=%g", number);
  if (json->getBoolean(value, &truth) == 0) SAY(" truth=%d", truth);
  if (json->getString(value, &bytes, &len) == 0) SAY(" string=%.*s", (int)len, bytes);
  if (json->getJSON(value, ctx, &text) == 0) say_text("json", text);
  if (json->getLen(value, &len) == 0) SAY(" len=%zu", len);
  for (size_t at = 0; json->getType(value) == 5 && at < len + 1; at++) {
    Value element = json->getAt(value, at);
    if (element) say_value(json, ctx, element, depth + 1);
  }
  void *members = json->getKeyValues(value);
  if (!members) return;
  for (Value member; (member = json->nextKeyValue(members, &text));) {
    SAY("\n%*s", depth, "");
    say_text("key", text);
    say_value(json, ctx, member, depth + 1);
  }
  json->freeKeyValuesIter(members);
}

static int read_command(Ctx *ctx, Text **argv, int argc) {
  Table *json = GetSharedAPI(ctx, "RedisJSON_V5");
  if (!json) return ReplyWithError(ctx, "ERR no table");
  if (argc < 3) return ReplyWithError(ctx, "ERR READ key path [AUTOMEMORY]");
  if (argc > 3) AutoMemory(ctx); /* strings are ours all the same */
  used = 0;
  const char *path = StringPtrLen(argv[2], NULL);
  Key *key = OpenKey(ctx, argv[1], 1);
  SAY("json=%d", key ? json->isJSON(key) : -1);
  Text *error = NULL;
  const void *parsed = json->pathParse(path, ctx, &error);
  if (parsed) {
    SAY(" single=%d ordered=%d", json->pathIsSingle(parsed), json->pathHasDefinedOrder(parsed));
    json->pathFree(parsed);
  } else {
    say_text("error", error);
  }
  Value document = json->openKey(ctx, argv[1]);
  SAY(" same=%d", document == json->openKeyFromStr(ctx, StringPtrLen(argv[1], NULL)) && document == json->openKeyWithFlags(ctx, argv[1], 0));
  void *found = document ? json->get(document, path) : NULL;
  if (!found) return ReplyWithStringBuffer(ctx, out, used);
  SAY(" matches=%zu", json->len(found));
  Text *all;
  if (json->getJSONFromIter(found, ctx, &all) == 0) say_text("all", all);
  for (int round = 0; round < 2; round++, json->resetIter(found)) {
    for (Value value; (value = json->next(found));) {
      if (round == 0) say_value(json, ctx, value, 0);
      else SAY(".");
    }
  }
  json->freeIter(found);
  return ReplyWithStringBuffer(ctx, out, used);
}

int RedisModule_OnLoad(Ctx *ctx, Text **argv, int argc) {
  (void)argv, (void)argc;
  GetApi = ((void **)ctx)[0];
  GetApi("RedisModule_SetModuleAttribs", &SetModuleAttribs);
  GetApi("RedisModule_CreateCommand", &CreateCommand);
  GetApi("RedisModule_GetSharedAPI", &GetSharedAPI);
  GetApi("RedisModule_ReplyWithStringBuffer", &ReplyWithStringBuffer);
  GetApi("RedisModule_ReplyWithError", &ReplyWithError);
  GetApi("RedisModule_StringPtrLen", &StringPtrLen);
  GetApi("RedisModule_FreeString", &FreeString);
  GetApi("RedisModule_AutoMemory", &AutoMemory);
  GetApi("RedisModule_OpenKey", &OpenKey);
  SetModuleAttribs(ctx, "reader", 1, 1);
  return CreateCommand(ctx, "read", read_command, "readonly", 1, 1, 1);
}
