// kafkajs, driven by the real-client tests: one command per process, JSON lines in and out.
'use strict';
const readline = require('readline');
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs');
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
  retry: { retries: 240, initialRetryTime: 100, maxRetryTime: 500 },
});
// A consumer that stops, or whose partitions change, waits for its last fetch: five seconds would be the usual.
const fetchWait = { maxWaitTimeInMs: 200 };
const emit = fields => process.stdout.write(JSON.stringify(fields) + '\n');
const b64 = data => (data == null ? null : Buffer.from(data).toString('base64'));
const raw = text => (text == null ? null : Buffer.from(text, 'base64'));
const message = (partition, m) => ({
  partition, offset: Number(m.offset), timestamp: Number(m.timestamp), key: b64(m.key), value: b64(m.value),
  headers: Object.entries(m.headers || {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(one => [name, b64(one)])),
});
const stdinLines = () => readline.createInterface({ input: process.stdin });

// A send at a time: kafkajs's idempotent producer takes back the sequence numbers of a send that the connection broke under,
// and were another send waiting, it would be given them instead.
async function produce() {
  const producer = kafka.producer({ idempotent: options.idempotent || false });
  await producer.connect();
  let failed = false;
  const send = async lines => {
    const messages = lines.map(m => ({
      key: raw(m.key), value: raw(m.value), partition: m.partition ?? undefined,
      timestamp: m.timestamp == null ? undefined : String(m.timestamp),
      headers: Object.fromEntries((m.headers || []).map(([n, v]) => [n, raw(v)])),
    }));
    try {
      const answers = await producer.send({
        topic: options.topic, acks: options.acks ?? -1, compression: codecs[options.codec || 'none'], messages,
      });
      for (const { partition, baseOffset } of answers) {
        // Where the client chose the partitions, it does not tell which message went to which.
        const its = lines.filter(m => (answers.length === 1 ? true : m.partition === partition));
        its.forEach((m, i) => emit({ partition, offset: Number(baseOffset) + i, value: m.value }));
      }
    } catch (error) {
      failed = true;
      emit({ error: error.type || error.cause?.type || error.name });
    }
  };
  let batch = [];
  for await (const line of stdinLines()) {
    batch.push(JSON.parse(line));
    if (batch.length >= (options.batch ?? Infinity)) await send(batch.splice(0));
  }
  if (batch.length > 0) await send(batch);
  await producer.disconnect();
  if (failed) process.exitCode = 1;
}

async function consume() {
  const consumer = kafka.consumer({
    groupId: options.group || `kafkajs-${process.pid}-${Date.now()}`,
    maxBytes: options.fetchBytes, maxBytesPerPartition: options.fetchBytes, ...fetchWait,
  });
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
  const consumer = kafka.consumer({
    groupId: options.group, sessionTimeout: 45000, heartbeatInterval: 500, rebalanceTimeout: 60000, ...fetchWait,
  });
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

// A consumer of one topic that does what stdin says, a step a line, and answers each with a line.
async function steps() {
  const { topic, group = `kafkajs-${process.pid}-${Date.now()}` } = options;
  const consumer = kafka.consumer({ groupId: group, ...fetchWait });
  const arrived = [];
  let tell = () => {};
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: options.reset !== 'latest' });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: m }) => {
      arrived.push({ ...message(partition, m), topic });
      tell();
    },
  });
  const known = {
    read: async count => {
      while (arrived.length < count) await new Promise(resolve => { tell = resolve; });
      return arrived.splice(0, count);
    },
    commit: async (offset, metadata) => {
      await consumer.commitOffsets([{ topic, partition: 0, offset: String(offset), metadata }]);
      let kept;
      await withAdmin(async client => { [{ partitions: [kept] }] = await client.fetchOffsets({ groupId: group, topics: [topic] }); });
      return [Number(kept.offset), kept.metadata];
    },
    pause: async partition => consumer.pause([{ topic, partitions: [partition] }]),
    resume: async partition => consumer.resume([{ topic, partitions: [partition] }]),
    seek: async (partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
  };
  for await (const line of stdinLines()) {
    const [name, ...given] = JSON.parse(line);
    emit({ done: name, answer: await known[name](...given) });
  }
  await consumer.disconnect();
}

async function withAdmin(use) {
  const client = kafka.admin();
  await client.connect();
  await use(client);
  await client.disconnect();
}

// Creates, grows, configures, describes and deletes a topic; every step fails the process if the broker says no.
const admin = () => withAdmin(async client => {
  const { topic } = options;
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
  const create = (name, config, value) => client.createTopics({
    topics: [{ topic: name, numPartitions: 2, replicationFactor: 1, configEntries: [{ name: config, value }] }],
  });
  await create(topic, 'retention.ms', '3600000');
  await client.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
  await client.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '7200000' }] }] });
  const described = await client.describeConfigs({ includeSynonyms: false, resources: [{ ...resource, configNames: ['retention.ms'] }] });
  const metadata = await client.fetchTopicMetadata({ topics: [topic] });
  emit({ partitions: metadata.topics[0].partitions.length, retention: described.resources[0].configEntries[0].configValue });
  const refused = await create(`${topic}-bad`, 'no.such.config', '1').then(() => null, error => JSON.stringify(error));
  emit({ refused });
  await client.deleteTopics({ topics: [topic] });
  emit({ deleted: !(await client.listTopics()).includes(topic) });
});

// Commits an offset, then lists, describes and deletes the group that it is kept for.
const groups = () => withAdmin(async client => {
  const { topic, group } = options;
  const listed = async () => (await client.listGroups()).groups.some(one => one.groupId === group);
  const committed = async () => Number((await client.fetchOffsets({ groupId: group, topics: [topic] }))[0].partitions[0].offset);
  await client.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '7' }] });
  const described = await client.describeGroups([group]);
  emit({ listed: await listed(), state: described.groups[0].state, committed: await committed() });
  await client.deleteGroups([group]);
  emit({ refused: null, listed: await listed() });
});

// Deletes the records below an offset, then sends a group back to the first that is left, and to the end.
const truncate = () => withAdmin(async client => {
  const { topic, group, offset } = options;
  const partition = async () => (await client.fetchTopicOffsets(topic))[0];
  const committed = async () => Number((await client.fetchOffsets({ groupId: group, topics: [topic], resolveOffsets: true }))[0].partitions[0].offset);
  await partition(); // kafkajs deletes records only of topics that it has met before
  await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  const { low, high } = await partition();
  emit({ low: Number(low), high: Number(high) });
  await client.resetOffsets({ groupId: group, topic, earliest: true });
  const earliest = await committed();
  await client.resetOffsets({ groupId: group, topic, earliest: false });
  emit({ earliest, latest: await committed() });
});

({ produce, consume, member, steps, admin, groups, truncate })[process.argv[2]]().then(() => process.exit(), error => {
  console.error(error);
  process.exit(1);
});
