package dev.bouncer.redis;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import java.util.function.ToIntFunction;
import org.luaj.vm2.Globals;
import org.luaj.vm2.LuaTable;
import org.luaj.vm2.LuaValue;
import org.luaj.vm2.Varargs;
import org.luaj.vm2.lib.VarArgFunction;
import org.luaj.vm2.lib.jse.JsePlatform;

/**
 * As much of a Redis as the semaphore's script needs, with a clock that tests move. It runs the
 * real script, so what is checked against it is what is shipped.
 */
final class ScriptedRedis {
  private final Map<String, Map<String, String>> hashes = new HashMap<>();
  private final Map<String, Map<String, Double>> sortedSets = new HashMap<>();
  private final Set<String> expiring = new HashSet<>();
  private final LongSupplier micros;
  private final ToIntFunction<String> listeners;
  private final BiConsumer<String, String> publish;
  private final java.util.function.Supplier<List<String>> channels;
  private final Globals lua = JsePlatform.standardGlobals();
  private final LuaValue script;

  ScriptedRedis(
      LongSupplier micros,
      java.util.function.Supplier<List<String>> channels,
      ToIntFunction<String> listeners,
      BiConsumer<String, String> publish) {
    this.micros = micros;
    this.channels = channels;
    this.listeners = listeners;
    this.publish = publish;
    LuaTable redis = new LuaTable();
    redis.set(
        "call",
        new VarArgFunction() {
          @Override
          public Varargs invoke(Varargs arguments) {
            List<String> words = new ArrayList<>();
            for (int i = 2; i <= arguments.narg(); i++) {
              words.add(arguments.arg(i).checkjstring());
            }
            return command(arguments.arg1().checkjstring(), words);
          }
        });
    redis.set(
        "error_reply",
        new VarArgFunction() {
          @Override
          public Varargs invoke(Varargs arguments) {
            throw new IllegalStateException(arguments.arg1().checkjstring());
          }
        });
    lua.set("redis", redis);
    lua.get("string").set("format", new Format());
    script = lua.load(Script.SEMAPHORE.text(), "semaphore.lua");
  }

  /** All data of this moment, to be brought back by what is returned. */
  Runnable snapshot() {
    Map<String, Map<String, String>> hashesThen = new HashMap<>();
    hashes.forEach((key, fields) -> hashesThen.put(key, new TreeMap<>(fields)));
    Map<String, Map<String, Double>> sortedSetsThen = new HashMap<>();
    sortedSets.forEach((key, members) -> sortedSetsThen.put(key, new HashMap<>(members)));
    return () -> {
      flushAll();
      hashes.putAll(hashesThen);
      sortedSets.putAll(sortedSetsThen);
    };
  }

  boolean isEmpty() {
    return hashes.isEmpty();
  }

  void flushAll() {
    hashes.clear();
    sortedSets.clear();
    expiring.clear();
  }

  Map<String, String> hash(String key) {
    return hashes.getOrDefault(key, Map.of());
  }

  /** Whether the key will vanish some day if nobody speaks any more. */
  boolean isExpiring(String key) {
    return expiring.contains(key);
  }

  int size(String sortedSet) {
    return sortedSets.getOrDefault(sortedSet, Map.of()).size();
  }

  /** Runs the script as one step. */
  List<Object> run(List<String> keys, List<String> arguments) {
    lua.set("KEYS", table(keys));
    lua.set("ARGV", table(arguments));
    LuaTable answer = script.call().checktable();
    List<Object> reply = new ArrayList<>();
    for (int i = 1; i <= answer.length(); i++) {
      LuaValue value = answer.get(i);
      reply.add(value.type() == LuaValue.TSTRING ? (Object) value.tojstring() : value.checklong());
    }
    return reply;
  }

  private static LuaTable table(List<String> values) {
    LuaTable table = new LuaTable();
    for (int i = 0; i < values.size(); i++) {
      table.set(i + 1, LuaValue.valueOf(values.get(i)));
    }
    return table;
  }

  private LuaValue command(String name, List<String> words) {
    String key = words.isEmpty() ? "" : words.getFirst();
    return switch (name) {
      case "TIME" -> {
        long now = micros.getAsLong();
        yield table(List.of(Long.toString(now / 1_000_000), Long.toString(now % 1_000_000)));
      }
      case "HMGET" -> {
        LuaTable values = new LuaTable();
        for (int i = 1; i < words.size(); i++) {
          values.set(i, orFalse(hash(key).get(words.get(i))));
        }
        yield values;
      }
      case "HGET" -> orFalse(hash(key).get(words.get(1)));
      case "HEXISTS" -> LuaValue.valueOf(hash(key).containsKey(words.get(1)) ? 1 : 0);
      case "HSET" -> {
        for (int i = 1; i < words.size(); i += 2) {
          hashes.computeIfAbsent(key, _ -> new TreeMap<>()).put(words.get(i), words.get(i + 1));
        }
        yield LuaValue.valueOf(1);
      }
      case "HDEL" -> {
        hashes.getOrDefault(key, new HashMap<>()).remove(words.get(1));
        yield LuaValue.valueOf(1);
      }
      case "ZADD" -> {
        sortedSets
            .computeIfAbsent(key, _ -> new HashMap<>())
            .put(words.get(2), Double.valueOf(words.get(1)));
        yield LuaValue.valueOf(1);
      }
      case "ZREM" -> {
        sortedSets.getOrDefault(key, new HashMap<>()).remove(words.get(1));
        yield LuaValue.valueOf(1);
      }
      case "ZRANGE" -> range(key, Integer.parseInt(words.get(1)), Integer.parseInt(words.get(2)));
      case "PEXPIRE" -> {
        expiring.add(key);
        yield LuaValue.valueOf(1);
      }
      case "PUBLISH" -> {
        int heard = listeners.applyAsInt(key);
        publish.accept(key, words.get(1));
        yield LuaValue.valueOf(heard);
      }
      case "PUBSUB" -> pubsub(words);
      default -> throw new IllegalArgumentException("unknown command: " + name + words);
    };
  }

  private LuaValue range(String key, int from, int to) {
    List<String> members =
        sortedSets.getOrDefault(key, Map.of()).entrySet().stream()
            .sorted(
                Comparator.comparing(Map.Entry<String, Double>::getValue)
                    .thenComparing(Map.Entry::getKey))
            .map(Map.Entry::getKey)
            .toList();
    int end = to < 0 ? members.size() : Math.min(members.size(), to + 1);
    return table(members.subList(Math.min(from, end), end));
  }

  private LuaValue pubsub(List<String> words) {
    if (words.getFirst().equals("CHANNELS")) {
      String prefix = words.get(1).substring(0, words.get(1).length() - 1);
      return table(channels.get().stream().filter(channel -> channel.startsWith(prefix)).toList());
    }
    LuaTable counts = new LuaTable();
    for (int i = 1; i < words.size(); i++) {
      counts.set(2 * i - 1, LuaValue.valueOf(words.get(i)));
      counts.set(2 * i, LuaValue.valueOf(listeners.applyAsInt(words.get(i))));
    }
    return counts;
  }

  private static LuaValue orFalse(String value) {
    return value == null ? LuaValue.FALSE : LuaValue.valueOf(value);
  }

  /** The %d of this Lua has 32 bits, that of Redis has 64. */
  private static final class Format extends VarArgFunction {
    @Override
    public Varargs invoke(Varargs arguments) {
      StringBuilder text = new StringBuilder();
      int next = 2;
      String format = arguments.arg1().checkjstring();
      for (int i = 0; i < format.length(); i++) {
        if (format.charAt(i) == '%') {
          LuaValue value = arguments.arg(next++);
          text.append(
              format.charAt(++i) == 'd'
                  ? Long.toString((long) value.checkdouble())
                  : value.checkjstring());
        } else {
          text.append(format.charAt(i));
        }
      }
      return LuaValue.valueOf(text.toString());
    }
  }
}
