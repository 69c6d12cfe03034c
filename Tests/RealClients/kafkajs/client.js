// kafkajs, driven by the real-client tests: one command per process, JSON lines in and out.
'use strict';
const readline = require('readline');
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs');
const lz4 = require('lz4js');
const { ZstdCodec } = require('zstd-codec');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer)),
});
const zstd = new Promise(resolve => ZstdCodec.run(codec => resolve(new codec.Streaming())));
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from((await zstd).compress(encoder.buffer)),
  decompress: async buffer => Buffer.from((await zstd).decompress(buffer)),
});
const codecs = {
  none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD,
};

const options = JSON.parse(process.argv[3]);
const kafka = new Kafka({
  clientId: 'kafkajs', brokers: [options.bootstrap], logLevel: logLevel.ERROR,
  retry: { retries: 50, initialRetryTime: 100, maxRetryTime: 500 },
});
const emit = fields => process.stdout.write(JSON.stringify(fields) + '\n');
const b64 = data => (data == null ? null : Buffer.from(data).toString('base64'));
const raw = text => (text == null ? null : Buffer.from(text, 'base64'));
const message = (partition, m) => ({
  partition, offset: Number(m.offset), timestamp: Number(m.timestamp), key: b64(m.key), value: b64(m.value),
  headers: Object.entries(m.headers || {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(one => [name, b64(one)])),
});
const stdinLines = () => readline.createInterface({ input: process.stdin });

async function produce() {
  const producer = kafka.producer({ idempotent: options.idempotent || false });
  await producer.connect();
  const messages = [];
  for await (const line of stdinLines()) {
    const m = JSON.parse(line);
    messages.push({
      key: raw(m.key), value: raw(m.value), partition: m.partition ?? undefined,
      timestamp: m.timestamp == null ? undefined : String(m.timestamp),
      headers: Object.fromEntries((m.headers || []).map(([n, v]) => [n, raw(v)])),
    });
  }
  const answers = await producer.send({ topic: options.topic, acks: -1, compression: codecs[options.codec || 'none'], messages });
  for (const answer of answers) emit({ partition: answer.partition, baseOffset: Number(answer.baseOffset) });
  await producer.disconnect();
}

async function consume() {
  const consumer = kafka.consumer({ groupId: options.group || `kafkajs-${process.pid}-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
  let left = options.count;
  const last = new Map(); // a rebalance starts again from the beginning: nothing is committed
  await new Promise((resolve, reject) => consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: m }) => {
      if (Number(m.offset) <= (last.get(partition) ?? -1)) return;
      last.set(partition, Number(m.offset));
      if (left-- > 0) emit(message(partition, m));
      if (left <= 0) resolve();
    },
  }).catch(reject));
  await consumer.disconnect();
}

async function member() {
  const consumer = kafka.consumer({ groupId: options.group, sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 10000 });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    emit({ assigned: (payload.memberAssignment[options.topic] || []).map(Number).sort((a, b) => a - b) }));
  await consumer.connect();
  await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message: m }) => {
      emit(message(partition, m));
      await consumer.commitOffsets([{ topic, partition, offset: String(Number(m.offset) + 1) }]);
      emit({ committed: true });
    },
  });
  await new Promise(resolve => process.stdin.once('data', resolve));
  await consumer.disconnect();
  emit({ left: true });
}

({ produce, consume, member })[process.argv[2]]().then(() => process.exit(0), error => {
  console.error(error);
  process.exit(1);
});
