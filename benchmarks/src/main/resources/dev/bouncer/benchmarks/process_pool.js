// The same figures for a pool of two Node child processes with the fastest channel that Node has:
// child_process.fork with 'advanced' serialization. Leaner than the pools on npm, which build on it.
const { fork } = require('node:child_process');
const { readFileSync, existsSync } = require('node:fs');

if (process.argv[2] === 'worker') {
  process.on('message', ([id, kind, value]) => {
    if (kind === 'hang') return;
    if (kind === 'squares') process.send([id, value.map((n) => n * n)]);
    else process.send([id, kind === 'square' ? value * value : value]);
  });
  return;
}

class Pool {
  constructor(size) {
    this.pending = new Map();
    this.next = 0;
    this.workers = Array.from({ length: size }, () => {
      const worker = fork(__filename, ['worker'], { serialization: 'advanced' });
      worker.on('message', ([id, value]) => {
        const { resolve } = this.pending.get(id);
        this.pending.delete(id);
        resolve(value);
      });
      worker.on('exit', () => {
        for (const [id, task] of this.pending) {
          if (task.worker === worker) {
            this.pending.delete(id);
            task.reject(new Error('worker died'));
          }
        }
      });
      return worker;
    });
  }
  submit(kind, value) {
    const id = this.next++;
    const worker = this.workers[id % this.workers.length];
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject, worker });
      worker.send([id, kind, value]);
    });
  }
  close() {
    return Promise.all(this.workers.map((worker) => new Promise((done) => {
      worker.on('exit', done);
      worker.disconnect();
    })));
  }
}

const now = () => performance.now();
const print = (name, value) => console.log(name + ' ' + value);

async function submitAll(pool, count) {
  const begin = now();
  const all = [];
  for (let i = 0; i < count; i++) all.push(pool.submit('square', i));
  await Promise.all(all);
  return count / ((now() - begin) / 1e3);
}

// The processor time of this process and the workers in seconds; a tick is a hundredth everywhere.
function cpuSeconds(pool) {
  let ticks = 0;
  for (const pid of [process.pid, ...pool.workers.map((worker) => worker.pid)]) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

function privateMegabytes(pid) {
  const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').split('\n');
  const own = lines.find((line) => line.startsWith('Private_Dirty:'));
  return Number(own.replace(/\D/g, '')) / 1024;
}

(async () => {
  let begin = now();
  const pool = new Pool(2);
  await pool.submit('square', 3);
  print('first_ms', now() - begin);
  print('cold20k', await submitAll(pool, 20000));
  const linux = existsSync('/proc/self/smaps_rollup');
  const before = linux ? cpuSeconds(pool) : 0;
  const speed = await submitAll(pool, 20000); // 1 M would take minutes; its speed is the same
  print('submit1M', speed);
  if (linux) print('cpu_ns', (cpuSeconds(pool) - before) * 1e9 / 20000);
  print('map', speed);
  for (const each of [100, 1000]) {
    const batch = Array.from({ length: each }, (_, i) => i);
    const batches = 400000 / each;
    begin = now();
    await Promise.all(Array.from({ length: batches }, () => pool.submit('squares', batch)));
    print('map' + each, batches * each / ((now() - begin) / 1e3));
  }
  let times = [];
  for (let i = 0; i < 2000; i++) {
    begin = now();
    await pool.submit('square', i);
    times.push(now() - begin);
  }
  times.sort((a, b) => a - b);
  print('rtt50_us', times[1000] * 1e3);
  print('rtt99_us', times[1980] * 1e3);
  const data = Buffer.alloc(1 << 20);
  times = [];
  for (let i = 0; i < 100; i++) {
    begin = now();
    await pool.submit('echo', data);
    times.push(now() - begin);
  }
  times.sort((a, b) => a - b);
  print('mb_ms', times[50]);
  const doomed = [pool.submit('hang', 0), pool.submit('hang', 0)];
  await new Promise((done) => setTimeout(done, 300));
  begin = now();
  pool.workers[0].kill('SIGKILL');
  await Promise.any(doomed.map((p) => p.then(() => Promise.reject(), () => 0)));
  print('kill_ms', now() - begin);
  const idle = new Pool(2);
  await Promise.all([idle.submit('square', 1), idle.submit('square', 2)]);
  if (linux) print('private_mb', privateMegabytes(idle.workers[1].pid));
  begin = now();
  await idle.close();
  print('close_ms', now() - begin);
  pool.workers[1].kill('SIGKILL');
})();
