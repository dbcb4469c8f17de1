package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class YamlWriterTest {
  private static final Location HERE = new Location("here", false);

  @Provide
  Arbitrary<SpecNode> nodes() {
    final var words =
        Arbitraries.of(
            "true", "null", "~", "no", "1e5", "-", "a: b", "#", "'", ".inf", "- x", "&a");
    final var texts =
        Arbitraries.oneOf(
                words, Arbitraries.strings().ascii().ofMaxLength(9), Arbitraries.strings())
            .map(text -> (SpecNode) new SpecNode.Scalar(text, false, HERE));
    final var numbers =
        Arbitraries.doubles().map(d -> (SpecNode) new SpecNode.Scalar("" + d, true, HERE));
    return Arbitraries.recursive(
        () -> Arbitraries.oneOf(texts, numbers),
        inner ->
            Arbitraries.oneOf(
                inner,
                inner.list().ofMaxSize(3).map(items -> new SpecNode.Items(items, HERE)),
                Arbitraries.maps(Arbitraries.strings().ofMinLength(1).ofMaxLength(5), inner)
                    .ofMaxSize(3)
                    .map(entries -> new SpecNode.Keys(entries, HERE))),
        0,
        3);
  }

  @Property
  void readsBackWhatWasWritten(@ForAll("nodes") SpecNode node) {
    final var document = new SpecNode.Keys(Map.of("key", node), HERE);

    final var again = YamlReader.read(YamlWriter.document(document), HERE);

    assertThat(plain(again)).isEqualTo(plain(document));
  }

  @Example
  void leavesCommonTextWithoutQuotes() {
    for (final var text :
        List.of("shipped:digits", "gpu:0", "at-least-once", "/data/x.gz", "a_b")) {
      assertThat(YamlWriter.inline(new SpecNode.Scalar(text, false, HERE))).isEqualTo(text);
    }
  }

  /** What a reader understands: text is text however it was quoted. */
  private static Object plain(SpecNode node) {
    return switch (node) {
      case SpecNode.Scalar scalar -> List.of(scalar.text(), scalar.isText());
      case SpecNode.Items list -> list.items().stream().map(YamlWriterTest::plain).toList();
      case SpecNode.Keys keys ->
          keys.entries().entrySet().stream()
              .map(e -> List.of(e.getKey(), plain(e.getValue())))
              .toList();
    };
  }
}
