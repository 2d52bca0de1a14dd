"""Where things are."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are, from the environment: `VOMMA_DATA`, `VOMMA_RPC_URL` and so on."""

    model_config = SettingsConfigDict(env_prefix="VOMMA_", frozen=True)

    data: Path | None = None
    deployments: Path = Path("deployments")
    build: Path = Path(".build")
    reports: Path = Path("reports")
    rpc_url: str = "http://127.0.0.1:8545"
