"""What people call fields elsewhere, and what the same is called here."""

from __future__ import annotations

OTHER_SPELLINGS = {
    "ratio": "aspect_ratio",
    "image": "start_image",
    "image_url": "start_image",
    "first_frame": "start_image",
    "end_image_url": "end_image",
    "last_frame_image": "end_image",
    "image_urls": "reference_images",
    "video_urls": "reference_videos",
    "audio_urls": "reference_audio",
    "audio": "generate_audio",
    "tools": "web_search",
    "options": "provider_options",
    "extra": "provider_options",
    "retries": "retry_moderated",
    "cost": "price",
    "max_cost": "budget",
    "until": "deadline",
    "failures": "max_failures",
    "seconds": "duration",
    "vars": "sweep",
    "variables": "sweep",
    "matrix": "sweep",
    "shot": "name",
    "title": "name",
    "id": "name",
    "text": "prompt",
    "description": "prompt",
}
