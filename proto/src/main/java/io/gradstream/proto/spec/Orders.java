package io.gradstream.proto.spec;

/**
 * How long a worker may take.
 *
 * @param timeoutMs milliseconds after which an unanswered order is issued again and its lock ends;
 *     a worker takes up to eight orders at once, which are to be done by then
 */
public record Orders(
    @Param(
            value =
                "milliseconds after which an unanswered order goes to another worker; more than eight"
                    + " gradients take",
            defaultValue = "30000",
            min = 1000,
            max = 3600000)
        int timeoutMs) {}
