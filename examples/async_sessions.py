"""The quick start with ``await``: several tasks on one engine, each with its own session."""

import anyio

from solidb_odm import AsyncEngine, AsyncSession, Document, create_async_engine, func, select


class Reading(Document, collection="readings"):
    sensor: str
    value: float


async def record(engine: AsyncEngine, sensor: str) -> None:
    async with AsyncSession(engine) as session:
        session.add_all([Reading(sensor=sensor, value=step / 10) for step in range(100)])
        await session.commit()


async def main() -> None:
    async with create_async_engine("sqlite:///readings.db") as engine:
        await engine.create_all(Reading)
        async with anyio.create_task_group() as tasks:
            for sensor in ("north", "south", "west"):
                tasks.start_soon(record, engine, sensor)
        async with AsyncSession(engine) as session:
            means = select(Reading.sensor, func.count(), func.avg(Reading.value)).group_by(Reading.sensor)
            for sensor, count, mean in await session.execute(means):
                print(f"{sensor}: {count} readings, mean {mean:.2f}")


if __name__ == "__main__":
    anyio.run(main)
