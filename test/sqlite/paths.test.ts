import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { failureOf } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const start = process.cwd()
const usualUmask = process.umask()
afterEach(() => {
  process.chdir(start)
  process.umask(usualUmask)
})

const odd = 'sp ace %20 100% a?mode=memory b#c &d=e; ünï-日本語-🦆 \'quoted" -wal.db'

describe('the path of a store', () => {
  it('is taken to the letter', async () => {
    await using directory = await TemporaryDirectory.create()
    const [unit] = ordinaryUnits(1)
    if (!unit) return
    {
      await using store = await SqliteStore.open({ path: directory.file(odd), readers: 1 })
      await store.insert(unit)
      expect(await Promise.all([store.getAny(unit.id), store.count()])).toEqual([unit, 1])
    }
    expect(await directory.list()).toEqual([odd])
  })

  it('is no URI', async () => {
    const path = 'file:cq.db?mode=memory'
    await using directory = await TemporaryDirectory.create()
    process.chdir(directory.path)
    {
      await using store = await SqliteStore.open({ path, readers: 1 })
      await store.insertMany(ordinaryUnits(1))
      expect(await store.count()).toBe(1)
    }
    process.chdir(start)
    expect(await directory.list()).toEqual([path])
  })

  it('is, where relative, the same file after the process went elsewhere', async () => {
    const deaths = [Tally.create('deaths of read'), Tally.create('deaths of write')]
    await using directory = await TemporaryDirectory.create()
    const elsewhere = directory.file('elsewhere')
    await mkdir(elsewhere)
    process.chdir(directory.path)
    const log = new RecordedLog()
    {
      await using store = await openSteered({ path: 'here/cq.db', readers: 1, log })
      await store.insertMany(ordinaryUnits(1))
      process.chdir(elsewhere)
      for (const death of deaths) death.add()
      await log.told('warn', 2)
      await store.insertMany(ordinaryUnits(1, 0x2000))
      expect(await store.count()).toBe(2)
    }
    process.chdir(start)
    expect(await directory.list()).toEqual(['elsewhere', 'here'])
  })
})

describe('a path that is a link', () => {
  it.each([
    ['to a database', 'real/cq.db'],
    ['to what is not there yet', 'real/new/cq.db'],
    ['to another link', 'other-link.db'],
    ['to something below a directory that is a link', 'directory-link/cq.db'],
  ])('%s: is followed once, and the sizes told are those of the target', async (_, target) => {
    await using directory = await TemporaryDirectory.create()
    await mkdir(directory.file('real'))
    await symlink('real/cq.db', directory.file('other-link.db'))
    await symlink('real', directory.file('directory-link'))
    await using made = await SqliteStore.open({ path: directory.file('real/cq.db'), readers: 1 })
    await made.close()
    const link = directory.file('cq.db')
    await symlink(target, link)
    await using store = await SqliteStore.open({ path: link, readers: 1 })
    await store.insertMany(ordinaryUnits(10))
    const { database, wal } = await store.fileSizes()
    expect(database).toBe((await stat(directory.file(target))).size)
    expect(wal).toBeGreaterThan(0)
    expect(await directory.list()).toEqual(['cq.db', 'directory-link', 'other-link.db', 'real'])
  })

  it('that leads in a circle is refused as invalid', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await symlink('other.db', path)
    await symlink('cq.db', directory.file('other.db'))
    expect(await failureOf(SqliteStore.open({ path, readers: 1 }))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('symbolic links go in a circle'),
    })
  })
})

describe('the mode of a database', () => {
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777

  it.each([0o000, 0o022, 0o277, 0o777])(
    'is 0600 where a store makes it, its log included, under umask %o',
    async (umask) => {
      await using directory = await TemporaryDirectory.create()
      const path = directory.file('cq.db')
      process.umask(umask)
      await using store = await SqliteStore.open({ path, readers: 1 })
      process.umask(usualUmask)
      await store.insertMany(ordinaryUnits(1))
      for (const suffix of ['', '-wal', '-shm'])
        expect(await modeOf(`${path}${suffix}`), suffix).toBe(0o600)
    },
  )

  it('is left alone where the file is there', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await writeFile(path, '')
    await chmod(path, 0o640)
    await using _store = await SqliteStore.open({ path, readers: 1 })
    expect(await modeOf(path)).toBe(0o640)
  })
})
