"""The paths the API serves, as its clients and its access log know them."""

from typing import Final

PREDICT_PATH: Final = "/ml/autobid/predict_success_proba"
RELOAD_PATH: Final = "/ml/autobid/reload_model"
HEALTH_PATH: Final = "/health"
