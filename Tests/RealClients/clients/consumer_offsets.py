"""Reads __consumer_offsets as exporters of consumer lag do, by their own means, and says what its records hold, a JSON line
each. The layouts are Kafka's (OffsetCommitKey.json and its like), read here without anything of the broker's."""
import json
import re
import struct
import subprocess
import sys

from kafka import KafkaConsumer, TopicPartition

from lines import emit

TOPIC = "__consumer_offsets"


class Fields:
    """Big-endian fields, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        (value,) = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return value

    def take_bytes(self, size):
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at]

    def string(self):
        data = self.take_bytes(self.take("h"))
        return None if data is None else data.decode()

    def bytes(self):
        return self.take_bytes(self.take("i"))

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def compact_string(self):
        return self.take_bytes(self.varint() - 1).decode()

    def many(self, take_one):
        return [take_one() for _ in range(self.take("i"))]

    def end(self):
        assert self.at == len(self.data), "%d bytes too many" % (len(self.data) - self.at)


def decode_offset(value):
    version = value.take("h")
    assert version in (3, 4), "an offset of version %d" % version
    offset, epoch = value.take("q"), value.take("i")
    metadata = value.string() if version == 3 else value.compact_string()
    answer = dict(offset=offset, epoch=epoch, metadata=metadata, timestamp=value.take("q"))
    if version == 4:
        for _ in range(value.varint()):
            value.varint()  # the tag
            value.take_bytes(value.varint())
    value.end()
    return answer


def decode_group(value):
    version = value.take("h")
    assert version == 3, "group metadata of version %d" % version
    answer = dict(protocolType=value.string(), generation=value.take("i"), protocol=value.string(), leader=value.string(),
                  timestamp=value.take("q"), members=value.many(lambda: decode_member(value)))
    value.end()
    return answer


def decode_member(value):
    member = dict(id=value.string(), instance=value.string(), client=value.string(), host=value.string(),
                  rebalanceMs=value.take("i"), sessionMs=value.take("i"))
    subscription, assignment = Fields(value.bytes()), Fields(value.bytes())
    for part in (subscription, assignment):
        part.take("h")  # the version; later ones only add fields at the end
    member["subscribed"] = subscription.many(subscription.string)
    member["assigned"] = {topic: partitions for topic, partitions in assignment.many(
        lambda: (assignment.string(), assignment.many(lambda: assignment.take("i"))))}
    return member


def decode(key, value):
    key = Fields(key)
    kind = key.take("h")
    if kind == 1:
        names, decode_value = dict(type="offset", group=key.string(), topic=key.string(), partition=key.take("i")), decode_offset
    else:
        assert kind == 2, "a key of version %d" % kind
        names, decode_value = dict(type="group", group=key.string()), decode_group
    key.end()
    return dict(names, value=None if value is None else decode_value(Fields(value)))


def read_with_kafka_python(bootstrap):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, api_version_auto_timeout_ms=120000)
    partitions = [TopicPartition(TOPIC, p) for p in consumer.partitions_for_topic(TOPIC)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(p) < ends[p] for p in partitions):
        for records in consumer.poll(1000).values():
            for record in records:
                yield record.key, record.value
    consumer.close()


def read_with_kcat(bootstrap):
    output = subprocess.run(["kcat", "-C", "-b", bootstrap, "-t", TOPIC, "-o", "beginning", "-e", "-q", "-f", "%K %S %k%s"],
                            check=True, stdout=subprocess.PIPE).stdout
    at = 0
    while at < len(output):
        sizes = re.compile(rb"(-?\d+) (-?\d+) ").match(output, at)
        (key_size, value_size), at = map(int, sizes.groups()), sizes.end()
        key, at = output[at:at + key_size], at + key_size
        value = None if value_size < 0 else output[at:at + value_size]
        at += max(value_size, 0)
        yield key, value


read = {"kafka_python": read_with_kafka_python, "kcat": read_with_kcat}[sys.argv[1]]
for key, value in read(json.loads(sys.argv[2])["bootstrap"]):
    emit(**decode(key, value))
