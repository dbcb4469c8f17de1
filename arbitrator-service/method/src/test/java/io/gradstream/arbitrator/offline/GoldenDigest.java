package io.gradstream.arbitrator.offline;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One line a method: the SHA-256 over every bit of its answers to all golden cases. */
final class GoldenDigest {
  private GoldenDigest() {}

  public static void main(String[] arguments) throws Exception {
    for (String method : GoldenFiles.METHODS) {
      System.out.println(line(method));
    }
  }

  static String line(String method) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (Golden golden : Golden.casesOf(method)) {
      add(CaseRunner.run(golden.gradientCase()), digest);
    }
    return method + " " + HexFormat.of().formatHex(digest.digest());
  }

  private static void add(@Nullable Object value, MessageDigest digest) {
    switch (value) {
      case Double number -> add(number.doubleValue(), digest);
      case double[] numbers -> {
        for (double number : numbers) {
          add(number, digest);
        }
      }
      case double[][] rows -> add(List.of(rows), digest);
      case List<?> list -> list.forEach(entry -> add(entry, digest));
      case Map<?, ?> map -> map.values().forEach(entry -> add(entry, digest));
      case int[] numbers -> {
        for (int number : numbers) {
          add((double) number, digest);
        }
      }
      case null, default -> digest.update(String.valueOf(value).getBytes(UTF_8));
    }
  }

  private static void add(double number, MessageDigest digest) {
    digest.update(ByteBuffer.allocate(8).putLong(Double.doubleToRawLongBits(number)).array());
  }
}
