#!/usr/bin/env python3
"""Writes the vectors beside it, from docs/protocol.md alone: no Gradstream, no Protobuf library.

Run it where it lies: python3 make_vectors.py. The Java tests hold Gradstream's own code against the files.
"""
import fractions
import gzip
import hashlib
import json
import pathlib
import struct
import subprocess
import tempfile

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
HERE = pathlib.Path(__file__).parent


# --- random numbers and the order of samples -----------------------------------------------------


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key(seed, *path):
    k = mix((seed + GOLDEN) & MASK)
    for step in path:
        k = mix(k ^ mix((step + GOLDEN) & MASK))
    return k


def bits(k, i):
    return mix((k + (i + 1) * GOLDEN) & MASK)


def uniform(k, i):
    return (bits(k, i) >> 11) * 2.0**-53


def place(seed, epoch, samples, position):
    k = key(seed, 1, epoch)
    half = (max(2, (samples - 1).bit_length()) + 1) // 2
    mask = (1 << half) - 1
    element = position
    while True:
        left, right = element >> half, element & mask
        for turn in range(8):
            left, right = right, left ^ (bits(k, (turn << 32) | right) & mask)
        element = left << half | right
        if element < samples:
            return element


def micro_batch(seed, samples, size, index):
    positions = range(index * size, (index + 1) * size)
    return [place(seed, p // samples, samples, p % samples) for p in positions]


# --- Protobuf, as far as it is needed ------------------------------------------------------------


def varint(n):
    n &= MASK
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def tag(number, wire):
    return varint(number << 3 | wire)


def number(field, n):
    return tag(field, 0) + varint(n) if n else b""


def zigzag(field, n):
    return number(field, n << 1 if n >= 0 else (-n << 1) - 1)


def chunk(field, data, always=False):
    return tag(field, 2) + varint(len(data)) + data if data or always else b""


def text(field, s):
    return chunk(field, s.encode())


def fixed64(field, n):
    return tag(field, 1) + struct.pack("<Q", n) if n else b""


def double(field, x):
    packed = struct.pack("<d", x)
    return tag(field, 1) + packed if packed != bytes(8) else b""


def floating(field, x):
    packed = struct.pack("<f", x)
    return tag(field, 5) + packed if packed != bytes(4) else b""


def doubles(field, xs):
    return chunk(field, b"".join(struct.pack("<d", x) for x in xs))


def floats(field, xs):
    return chunk(field, b"".join(struct.pack("<f", x) for x in xs))


def numbers(field, ns):
    return chunk(field, b"".join(varint(n) for n in ns))


# --- digests -------------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def kind(name):
    name = b"gradstream " + name.encode()
    return bytes([len(name)]) + name


def sized(data):
    return struct.pack(">i", len(data)) + data


# --- a run of two tasks and three shards ---------------------------------------------------------

TASKS = ["l1", "ssim"]
TENSORS = [("encoder", [2, 3], -1), ("bias", [2], -1), ("head.l1", [3], 0), ("head.ssim", [4], 1)]
SHARD_VALUES = 8
PARTITIONS = 2


# Buffers behind parameters: with the tasks that they learn from.
BUFFERS = [("mean", [2], -1, [0, 1]), ("variance", [2], -1, [0, 1]), ("head.mean", [3], -1, [1])]


def cut(tensors=TENSORS):
    """Shards as (offset, length, owner, partition)."""
    pieces, filled, offset = [], [0] * PARTITIONS, 0
    shapes = [(prod(shape), owner, *learns_from) for _, shape, owner, *learns_from in tensors]
    i = 0
    while i < len(shapes):
        size, owner = shapes[i][:2]
        i += 1
        while i < len(shapes) and shapes[i][1:] == shapes[i - 1][1:] and size + shapes[i][0] <= SHARD_VALUES:
            size += shapes[i][0]
            i += 1
        partition = filled.index(min(filled))
        filled[partition] += size
        for done in range(0, size, SHARD_VALUES):
            pieces.append((offset + done, min(SHARD_VALUES, size - done), owner, partition))
        offset += size
    return pieces


def prod(shape):
    result = 1
    for n in shape:
        result *= n
    return result


def manifest_record(tensors=TENSORS):
    out = b"".join(text(1, task) for task in TASKS)
    for name, shape, owner, *learns_from in tensors:
        tensor = text(1, name) + numbers(2, shape) + zigzag(3, owner)
        out += chunk(2, tensor + b"".join(number(4, 1) + numbers(5, tasks) for tasks in learns_from), True)
    for offset, length, owner, partition in cut(tensors):
        shard = number(1, offset) + number(2, length) + zigzag(3, owner) + number(4, partition)
        out += chunk(3, shard, True)
    return out + number(4, PARTITIONS)


MANIFEST = manifest_record()
HASH = int.from_bytes(sha256(MANIFEST)[:8], "big")
RUN = text(1, "run: vectors\nrounds: 2\n") + chunk(2, MANIFEST) + number(4, 2) + number(5, 1)
RUN_DIGEST = sha256(RUN)
VALUES = [0.5, -1.25, 3.0e-3, 1.0e20, -0.0, 7.0, 1 / 3, -2.0e-30]
FLOAT32 = b"".join(struct.pack("<f", x) for x in VALUES)


def bfloat16(x):
    b = struct.unpack("<I", struct.pack("<f", x))[0]
    return ((b + 0x7FFF + ((b >> 16) & 1)) >> 16) & 0xFFFF


BFLOAT16 = b"".join(struct.pack("<H", bfloat16(x)) for x in VALUES)

def float32(exact):
    """A fraction rounded to the nearest float32, ties to even; of normal size, or zero."""
    if exact == 0:
        return 0.0
    exponent = 0
    while abs(exact) >= 2 ** (exponent + 24):
        exponent += 1
    while abs(exact) < 2 ** (exponent + 23) if exponent >= 0 else abs(exact) * 2**-exponent < 2**23:
        exponent -= 1
    return float(round(exact / fractions.Fraction(2) ** exponent) * fractions.Fraction(2) ** exponent)


def buffers():
    """A manifest with buffers, and the update of the shard of `mean` and `variance` from two tasks' three slots."""
    tensors = TENSORS + BUFFERS
    record = manifest_record(tensors)
    shards = []
    for offset, length, owner, partition in cut(tensors):
        first = next(t for i, t in enumerate(tensors) if sum(prod(s[1]) for s in tensors[: i + 1]) > offset)
        shards.append({
            "offset": offset, "length": length, "owner": owner, "partition": partition,
            "learns_from": (first[3:] or ([],))[0],
        })
    exact = fractions.Fraction
    taken = [
        [[float32(exact(2 * uniform(key(7, task, slot), i) - 1)) for i in range(4)] for slot in range(3)]
        for task in range(2)
    ]
    share = float32(exact(1.0 / (3 * 2)))
    update = []
    for i in range(4):
        mean = 0.0
        for slots in taken:
            total = slots[0][i]
            for values in slots[1:]:
                total = float32(exact(total) + exact(values[i]))
            mean = float32(exact(share) * exact(total) + exact(mean))
        update.append(mean)

    def hexadecimal(values):
        return b"".join(struct.pack("<f", x) for x in values).hex()

    return {
        "tensors": [
            {"name": n, "shape": s, "owner": o, "learns_from": (rest or [[]])[0]} for n, s, o, *rest in tensors
        ],
        "shard_values": SHARD_VALUES, "partitions": PARTITIONS, "shards": shards,
        "record": record.hex(), "hash": u64(int.from_bytes(sha256(record)[:8], "big")),
        "taken": [[hexadecimal(values) for values in slots] for slots in taken], "update": hexadecimal(update),
    }


# The private key of RFC 8032, 7.1, test 1.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def sign(message):
    with tempfile.TemporaryDirectory() as folder:
        pem, data = pathlib.Path(folder, "key.der"), pathlib.Path(folder, "data")
        pem.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + SECRET)
        data.write_bytes(message)
        command = ["openssl", "pkeyutl", "-sign", "-inkey", pem, "-keyform", "DER", "-rawin", "-in", data]
        return subprocess.run(command, check=True, capture_output=True).stdout


def gradient(task, name, data, type_, signed, batch=b""):
    def header(digest=b"", signature=b""):
        return (
            number(1, 1) + number(3, 1) + fixed64(4, HASH) + text(5, "alice/0") + number(6, 16)
            + double(7, 0.75) + number(8, type_) + number(9, 6 + task) + number(10, 1234)
            + fixed64(12, 0x0123456789ABCDEF) + chunk(13, digest) + chunk(14, signature)
            + number(16, 1) + number(18, 16) + text(22, "cpu") + chunk(25, batch)
        )

    digest = sha256(kind("gradient") + sized(RUN_DIGEST) + sized(name.encode()) + sized(header()) + data)
    return header(digest, sign(digest) if signed else b"") + chunk(15, data, True), digest


def of_update(verdict):
    def header(digest=b""):
        return number(1, 1) + fixed64(4, HASH) + number(8, 1) + chunk(9, verdict) + chunk(13, digest)

    digest = sha256(kind("update") + sized(header()) + FLOAT32)
    return header(digest) + chunk(15, FLOAT32, True), digest


def of_weights(update):
    def header(digest=b""):
        return number(1, 2) + fixed64(4, HASH) + number(8, 2) + chunk(9, update) + chunk(13, digest)

    digest = sha256(kind("weights") + sized(header()) + BFLOAT16)
    return header(digest) + chunk(15, BFLOAT16, True), digest


def of_seal(verdict, update, weights, signed):
    """Over partition 0's only shard."""
    sealed = chunk(2, update) + chunk(3, weights)

    def seal(digest=b"", signature=b""):
        return (
            number(1, 2) + fixed64(4, HASH) + chunk(5, verdict) + chunk(6, sealed, True)
            + chunk(13, digest) + chunk(14, signature)
        )

    digest = sha256(kind("seal") + sized(RUN_DIGEST) + seal())
    return seal(digest, sign(digest) if signed else b""), digest


# The version's flat vector as readers have it: shard 0 as it travelled, and zeros on the other shards.
FLAT = b"".join(struct.pack("<I", bfloat16(x) << 16) for x in VALUES) + bytes(4 * 7)


def of_validation(version, losses, previous, signed):
    # An entry of a map has both of its fields, also where they are defaults.
    entries = b"".join(
        chunk(3, chunk(1, name.encode(), True) + tag(2, 1) + struct.pack("<d", losses[name]), True)
        for name in sorted(losses)
    )
    validation = number(1, version) + number(2, 512) + entries + chunk(4, sha256(FLAT)) + chunk(5, previous)

    def metric(digest=b"", signature=b""):
        return (
            text(1, "validation") + number(2, 1764288000000) + chunk(3, validation, True) + text(6, "eve")
            + chunk(13, digest) + chunk(14, signature)
        )

    digest = sha256(kind("validation") + sized(RUN_DIGEST) + metric())
    return metric(digest, sign(digest) if signed else b""), digest


def contribution(task, slot, offset, digest):
    return (
        number(1, task) + number(2, slot) + text(3, "alice/0") + number(4, offset) + chunk(5, digest)
    )


def of_verdict(contributions):
    def entry(name, xs):
        return text(1, name) + chunk(2, doubles(1, xs), True)

    return (
        number(1, 1) + fixed64(4, HASH)
        + floats(5, [0.05, 0.05]) + floats(6, [0.1, 0.1]) + floating(7, 0.9) + floating(8, 1.25)
        + text(10, "gcond") + doubles(11, [0.5, 0.5]) + doubles(12, [0.75, 1.5])
        + chunk(18, entry("ema", [1.0, 2.0])) + chunk(18, entry("wins", [3.0]))
        + number(22, 5) + fixed64(29, 0x1122334455667788)
        + chunk(32, RUN_DIGEST) + chunk(33, sha256(b"before")) + chunk(34, contributions)
    )


def records():
    f32, f32_digest = gradient(0, "l1", FLOAT32, 1, False)
    known, known_digest = gradient(0, "l1", FLOAT32, 1, False, bytes(range(32)))
    signed, signed_digest = gradient(1, "ssim", BFLOAT16, 2, True)
    ours = [[contribution(0, 1, 10, f32_digest), contribution(1, 1, 11, signed_digest)], [], []]
    offsets = [4, 4, 4]
    digest = hashlib.sha256(kind("contributions"))
    for shard, (parts, offset) in enumerate(zip(ours, offsets)):
        digest.update(struct.pack(">iiqi", shard, cut()[shard][3], offset, len(parts)))
        for part in parts:
            digest.update(sized(part))
    verdict = of_verdict(digest.digest())
    verdict_digest = sha256(kind("verdict") + verdict)
    update, update_digest = of_update(verdict_digest)
    weights, weights_digest = of_weights(update_digest)
    seal, seal_digest = of_seal(verdict_digest, update_digest, weights_digest, False)
    signed_seal, _ = of_seal(verdict_digest, update_digest, weights_digest, True)
    first, first_digest = of_validation(0, {"ssim": 0.5, "l1": 0.0}, b"", False)
    second, second_digest = of_validation(2, {"l1": -0.0, "ssim": 1e-300}, first_digest, True)
    order = (
        number(1, 1) + number(2, 1) + number(3, 1) + number(4, 7) + number(5, 2)
        + fixed64(6, 0x0123456789ABCDEF) + number(7, 1) + number(9, 16)
    )
    return [
        {"name": "run", "message": "RunRecord", "record": RUN.hex(), "digest": RUN_DIGEST.hex()},
        {"name": "order", "message": "Order", "record": order.hex()},
        {"name": "gradient of l1", "message": "GradientShard", "task": "l1", "record": f32.hex(),
         "values": FLOAT32.hex(), "digest": f32_digest.hex()},
        {"name": "gradient of known samples", "message": "GradientShard", "task": "l1", "record": known.hex(),
         "values": FLOAT32.hex(), "digest": known_digest.hex()},
        {"name": "signed gradient of ssim", "message": "GradientShard", "task": "ssim", "record": signed.hex(),
         "values": BFLOAT16.hex(), "digest": signed_digest.hex(), "public_key": PUBLIC.hex()},
        {"name": "contributions", "message": "ShardStatistics.Contribution",
         "shards": [{"shard": s, "partition": cut()[s][3], "offset": offsets[s],
                     "contributions": [part.hex() for part in ours[s]]} for s in range(3)],
         "digest": digest.hexdigest()},
        {"name": "verdict", "message": "Verdict", "record": verdict.hex(), "digest": verdict_digest.hex()},
        {"name": "update", "message": "UpdateShard", "record": update.hex(), "values": FLOAT32.hex(),
         "digest": update_digest.hex()},
        {"name": "weights", "message": "WeightShard", "record": weights.hex(), "values": BFLOAT16.hex(),
         "digest": weights_digest.hex()},
        {"name": "seal", "message": "WeightSeal", "record": seal.hex(), "digest": seal_digest.hex()},
        {"name": "signed seal", "message": "WeightSeal", "record": signed_seal.hex(), "digest": seal_digest.hex(),
         "public_key": PUBLIC.hex()},
        {"name": "first validation", "message": "Metric", "record": first.hex(), "flat": FLAT.hex(),
         "digest": first_digest.hex()},
        {"name": "signed second validation", "message": "Metric", "record": second.hex(), "flat": FLAT.hex(),
         "digest": second_digest.hex(), "public_key": PUBLIC.hex()},
    ]


# --- a stored data set -----------------------------------------------------------------------------

DIGITS = HERE / "../../../../../../gradient-producers/data/src/main/resources/io/gradstream/producer/data/digits"


def idx(name):
    content = gzip.decompress(DIGITS.joinpath(name).read_bytes())
    dimensions = content[3]
    lengths = struct.unpack_from(">%di" % dimensions, content, 4)
    size = prod(lengths[1:])
    values = content[4 + 4 * dimensions:]
    return [values[i * size:(i + 1) * size] for i in range(lengths[0])], lengths[1:]


def overlaid(images, labels, height, width, shift, partners):
    """Pairs as (pixels, left label, right label)."""
    below, right = bytes(shift * (width + shift)), bytes(shift)
    for turn in range(partners):
        for i in range(len(images)):
            j = place(2, turn, len(images), i)
            rows = range(0, height * width, width)
            first = b"".join(images[i][r:r + width] + right for r in rows) + below
            second = below + b"".join(right + images[j][r:r + width] for r in rows)
            yield bytes(map(max, first, second)), labels[i][0], labels[j][0]


def batch_digest(samples, height, width):
    digest = hashlib.sha256(b"gradstream batch" + struct.pack(">iii", len(samples), height, width))
    for pixels, left, right in samples:
        digest.update(pixels + bytes([left, right]))
    return digest.hexdigest()


def batches_of(held_out, shift, partners):
    (images, (height, width)), (labels, _) = idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")
    cut = len(images) - held_out
    pairs = list(overlaid(images[:cut], labels[:cut], height, width, shift, partners))
    return [
        {"indices": indices, "sha256": batch_digest([pairs[i] for i in indices], height + shift, width + shift)}
        for indices in ([0], [5, 3, 5, len(pairs) - 1])
    ]


def data_digest(held_out, shift, partners):
    (images, (height, width)), (labels, _) = idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")
    digest = hashlib.sha256(b"gradstream images")
    cut = len(images) - held_out
    for some, names, turns in ((images[:cut], labels[:cut], partners), (images[cut:], labels[cut:], 1)):
        digest.update(struct.pack(">iii", len(some) * turns, height + shift, width + shift))
        for pixels, left, right in overlaid(some, names, height, width, shift, turns):
            digest.update(pixels + bytes([left, right]))
    return digest.hexdigest()


# --- which batch ---------------------------------------------------------------------------------


def unequal(mode, slots, sizes, data, rounds):
    """All slots of some rounds, by walking through them: batches are counted, and samples of each source."""
    batches, counted, taken = [], 0, {}
    for number in range(rounds):
        for task, own in enumerate(slots):
            for slot in range(own):
                source = (task, data[task]) if mode == "sequential" else data[task]
                batch = number * own + slot if mode == "sequential" else counted
                batches.append({"round": number, "task": task, "slot": slot, "micro_batch": batch,
                                "first": taken.get(source, 0)})
                taken[source] = taken.get(source, 0) + sizes[task]
                counted += 1
    return {"mode": mode, "slots": slots, "sizes": sizes, "data": data, "batches": batches}


# --- files ---------------------------------------------------------------------------------------


def u64(n):
    return "%016x" % n


def write(name, content):
    HERE.joinpath(name).write_text(json.dumps(content, indent=1) + "\n")


def main():
    paths = [(1, [1, 0]), (1, [1, 1]), (-7, [2]), (0x7FFFFFFFFFFFFFFF, [3, 12345678901, 5])]
    write("random.json", [
        {"seed": seed, "path": path, "bits": [u64(bits(key(seed, *path), i)) for i in range(4)],
         "uniform": [struct.pack(">d", uniform(key(seed, *path), i)).hex() for i in range(4)]}
        for seed, path in paths
    ])
    write("batches.json", [
        {"seed": seed, "samples": samples, "size": size, "micro_batch": index,
         "indices": micro_batch(seed, samples, size, index)}
        for seed, samples, size, index in [
            (1, 1, 3, 0), (1, 2, 4, 0), (1, 10, 10, 0), (1, 10, 10, 1), (1, 10, 4, 2), (2, 10, 10, 0),
            (-3, 9000, 32, 0), (-3, 9000, 32, 281), (1, 1000003, 5, 10**9),
        ]
    ])
    write("slots.json", [
        {"mode": mode, "tasks": n, "micro_batches": k, "round": r, "task": task, "slot": slot,
         "micro_batch": r * k + slot + (task % n * (k // n) if mode == "stochastic" else 0)}
        for mode, n, k, r, task, slot in [
            ("sequential", 3, 4, 0, 2, 3), ("sequential", 3, 4, 7, 0, 1), ("sequential", 3, 4, 7, 3, 1),
            ("stochastic", 2, 4, 0, 1, 1), ("stochastic", 2, 4, 449, 0, 1), ("stochastic", 2, 4, 5, 2, 0),
        ]
    ])
    write("unequal.json", [
        unequal(mode, slots, sizes, data, rounds)
        for mode, slots, sizes, data, rounds in [
            ("sequential", [2, 5], [8, 32], ["a", "b"], 3),
            ("stochastic", [2, 5], [8, 32], ["a", "a"], 3),
            ("stochastic", [2, 1, 4, 3], [8, 7, 5, 3], ["a", "b", "a", "b"], 3),
        ]
    ])
    write("manifest.json", {
        "tasks": TASKS,
        "tensors": [{"name": n, "shape": s, "owner": o} for n, s, o in TENSORS],
        "shard_values": SHARD_VALUES, "partitions": PARTITIONS,
        "shards": [dict(zip(["offset", "length", "owner", "partition"], piece)) for piece in cut()],
        "record": MANIFEST.hex(), "hash": u64(HASH),
    })
    write("buffers.json", buffers())
    write("records.json", records())
    write("data.json", [
        {"type": "overlay", "directory": "shipped:digits", "held-out": held_out, "shift": shift, "partners": partners,
         "sha256": data_digest(held_out, shift, partners), "batches": batches_of(held_out, shift, partners)}
        for held_out, shift, partners in [(500, 8, 1), (9990, 3, 7)]
    ])
    write("keys.json", [
        {"of": "shard or slot", "number": n, "key": struct.pack(">i", n).hex()} for n in (0, 1, 65535)
    ] + [{"of": "round", "number": n, "key": struct.pack(">q", n).hex()} for n in (0, 1, 1 << 40)])
    write("bfloat16.json", [
        {"float32": b, "bfloat16": "%04x" % bfloat16(struct.unpack(">f", bytes.fromhex(b))[0])}
        for b in ["00000000", "80000000", "3f800000", "3f808000", "3f818000", "3f808001", "7f7fffff",
                  "00000001", "c0490fdb", "7f800000"]
    ])


if __name__ == "__main__":
    main()
