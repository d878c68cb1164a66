Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })

const { SqliteStore, StoreError } = await import('../../../src/index.ts')
try {
  await SqliteStore.open({ path: process.argv[2] as string })
  console.log('opened')
} catch (error) {
  console.log(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error))
}
