package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** GCond against its reference implementation, every decision and every number. */
class GCondGoldenTest {

  static List<Golden> cases() {
    return Golden.casesOf("gcond");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void decidesAndCombinesAsTheReference(Golden golden) {
    List<Map<String, Object>> answers = CaseRunner.run(golden.gradientCase());

    for (int step = 0; step < answers.size(); step++) {
      Map<String, Object> answer = answers.get(step);
      Map<String, ?> expected = golden.expected(step);
      String where = golden + " step " + step;
      assertThat(answer.get("zones")).as(where).isEqualTo(expected.get("zones"));
      assertThat(pairs(answer.get("arbitrations")))
          .as(where)
          .isEqualTo(expected.get("arbitrations"));
      assertThat(answer.get("iterations")).as(where).isEqualTo(expected.get("proj_iters"));
      for (String field : List.of("weights", "update", "final_update", "norm_emas", "history")) {
        golden.assertClose(where + " " + field, answer.get(field), expected.get(field));
      }
      golden.assertClose(where, answer.get("coefficients"), expected.get("coefficients"));
      golden.assertClose(where, answer.get("smallest_cosine"), expected.get("min_cosine"));
    }
  }

  private static List<List<Integer>> pairs(@Nullable Object arbitrations) {
    var pairs = new ArrayList<List<Integer>>();
    assertThat(arbitrations).isNotNull();
    for (Object pair : (List<?>) arbitrations) {
      int[] numbers = (int[]) pair;
      pairs.add(List.of(numbers[0], numbers[1], numbers[2]));
    }
    return pairs;
  }
}
