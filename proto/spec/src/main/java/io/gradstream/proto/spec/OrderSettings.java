package io.gradstream.proto.spec;

/**
 * How long a worker may take.
 *
 * @param timeoutMs milliseconds after which an unanswered order is issued again; more than
 *     computing a gradient takes, and a worker that takes twice as long gives its orders up
 */
public record OrderSettings(
    @Param(
            value = "milliseconds after which an unanswered order goes to another worker",
            defaultValue = "30000",
            min = 1000,
            max = 3600000)
        int timeoutMs) {}
