import { describe, expect, it } from 'vitest'
import { runScript } from './script.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('the process of a store', () => {
  it('ends by itself where the store is left open, and not before its last call is answered', async () => {
    await using directory = await TemporaryDirectory.create()
    expect(await runScript('left-open.ts', directory.file('cq.db'))).toEqual({
      code: 0,
      signal: null,
      stdout: 'counted 2\n',
      stderr: '',
    })
  })

  it('lives on where its idle workers die, and ends as ever after the store was closed', async () => {
    await using directory = await TemporaryDirectory.create()
    expect(await runScript('idle-death.ts', directory.file('cq.db'))).toEqual({
      code: 0,
      signal: null,
      stdout: 'counted 3 after 2 deaths\n',
      stderr: '',
    })
    expect(await directory.list()).toEqual(['cq.db'])
  })
})
