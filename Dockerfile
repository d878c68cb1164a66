FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# The package as it is published, with the optional packages in the versions of the lock file.
RUN npm pack --silent \
  && mkdir /app && cd /app && npm init -y > /dev/null \
  && npm install --no-audit --no-fund /build/cq-store-*.tgz $(node -p " \
    const { peerDependencies, devDependencies } = require('/build/package.json'); \
    Object.keys(peerDependencies).map((name) => name + '@' + devDependencies[name]).join(' ')")

FROM node:24-slim
ENV NODE_ENV=production CQ_HOST=0.0.0.0 CQ_PORT=3000 CQ_DB_PATH=/data/cq.db
COPY --from=build /app /app
RUN install -d -o node -g node -m 700 /data
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
  ["node", "-e", "fetch('http://127.0.0.1:' + process.env.CQ_PORT + '/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# SIGTERM reaches the server itself, which then finishes what is under way.
ENTRYPOINT ["node", "/app/node_modules/cq-store/dist/src/cli.js"]
CMD ["serve"]
