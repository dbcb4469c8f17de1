package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a model's gradients follow from beside run spec and weights. The run's record has that of
 * the process that submitted it; every other process that computes for the run compares its own.
 *
 * @param files what decides bits: the script, and what it imports from its folder
 * @param framework what computes, where it is not Gradstream's own engine
 * @param anyFramework whether other versions of the framework may compute, too
 * @param data digests of the stored data's samples
 */
public record Provenance(
    List<RunRecord.File> files,
    RunRecord.Framework framework,
    boolean anyFramework,
    DataDigests data) {
  /** Of a model that follows from the run spec alone. */
  public static final Provenance NONE = ofData(DataDigests.NONE);

  public Provenance {
    files = List.copyOf(files);
  }

  /** Of a model of Gradstream's own on stored data. */
  public static Provenance ofData(DataDigests digests) {
    return new Provenance(List.of(), RunRecord.Framework.getDefaultInstance(), false, digests);
  }

  /** The part of a run's record that says this. */
  public RunRecord record() {
    final var record =
        RunRecord.newBuilder()
            .addAllFiles(files)
            .setData(data.common())
            .addAllTaskData(data.ofTasks());
    if (!framework.equals(RunRecord.Framework.getDefaultInstance())) {
      record.setFramework(framework);
    }
    return record.build();
  }

  /**
   * Requires that a model is the run's: the same tensors, files, framework and data. What the run's
   * record does not say is not compared.
   *
   * @throws UserError that names the first difference
   */
  public static void require(RunDescription run, TaskModel model) {
    final String name = run.spec().run();
    final List<String> there =
        tensors(run, run.manifest().tensors().stream().map(t -> t.shape()).toList());
    final List<String> here = tensors(run, model.tensors());
    if (!there.equals(here)) {
      throw new UserError(
          "run %s has other parameters than this model: %s"
              .formatted(name, firstDifference(there, here)));
    }
    final RunRecord record = run.provenance();
    final Provenance own = model.provenance();
    requireFiles(name, record.getFilesList(), own.files());
    final RunRecord.Framework wanted = record.getFramework();
    if (record.hasFramework() && !own.anyFramework() && !isSame(wanted, own.framework())) {
      throw new UserError(
          "run %s computes with %s %s, and this process has %s %s, whose gradients have other bits; use the former, or submit the run with model.framework: any"
              .formatted(
                  name,
                  wanted.getName(),
                  wanted.getVersion(),
                  own.framework().getName(),
                  own.framework().getVersion()));
    }
    requireData(name, "trains", "data", record.getData(), own.data().common());
    final List<ByteString> ofTasks = own.data().ofTasks();
    for (int task = 0; task < Math.min(record.getTaskDataCount(), ofTasks.size()); task++) {
      requireData(
          name,
          "trains task " + run.spec().tasks().get(task).name(),
          run.spec().batches().data(task).path(),
          record.getTaskData(task),
          ofTasks.get(task));
    }
  }

  private static void requireData(
      String run, String trains, String key, ByteString there, ByteString here) {
    if (!there.isEmpty() && !here.isEmpty() && !there.equals(here)) {
      throw new UserError(
          "run %s %s on other data than this process has in %s: SHA-256 of all samples %s there, %s here; copy them from where the run was submitted"
              .formatted(run, trains, key, hex(there), hex(here)));
    }
  }

  private static void requireFiles(
      String run, List<RunRecord.File> there, List<RunRecord.File> here) {
    if (contents(there).equals(contents(here))) {
      return;
    }
    throw new UserError(
        "run %s was submitted with %s, and this process has %s; get the run's own version, or submit this one under another name"
            .formatted(run, names(there), names(here)));
  }

  private static List<ByteString> contents(List<RunRecord.File> files) {
    return files.stream().map(RunRecord.File::getSha256).toList();
  }

  private static String names(List<RunRecord.File> files) {
    return files.isEmpty()
        ? "no script"
        : files.stream()
            .map(file -> file.getName() + " (SHA-256 " + hex(file.getSha256()) + ")")
            .collect(Collectors.joining(", "));
  }

  /** Builds of one version for several kinds of devices, such as 2.15.0+cpu, count as one. */
  private static boolean isSame(RunRecord.Framework there, RunRecord.Framework here) {
    return there.getName().equals(here.getName())
        && release(there.getVersion()).equals(release(here.getVersion()));
  }

  private static String release(String version) {
    final int build = version.indexOf('+');
    return build < 0 ? version : version.substring(0, build);
  }

  private static List<String> tensors(RunDescription run, List<TensorShape> shapes) {
    final boolean isAllShared = run.spec().scope() == Scope.ALL;
    final var texts = new ArrayList<String>();
    for (final TensorShape shape : shapes) {
      texts.add((isAllShared ? shape.withoutOwner() : shape).toString());
    }
    return texts;
  }

  private static String firstDifference(List<String> there, List<String> here) {
    int i = 0;
    while (i < Math.min(there.size(), here.size()) && there.get(i).equals(here.get(i))) {
      i++;
    }
    return "%s there, %s here".formatted(at(there, i), at(here, i));
  }

  private static String at(List<String> texts, int index) {
    return index < texts.size() ? texts.get(index) : "none more";
  }

  private static String hex(ByteString digest) {
    final var text = new StringBuilder();
    for (int i = 0; i < Math.min(6, digest.size()); i++) {
      text.append("%02x".formatted(digest.byteAt(i)));
    }
    return text.append("...").toString();
  }
}
