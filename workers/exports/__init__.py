"""Handing a batch on: tables of its takes, copies of its files, and metadata in copies of videos."""
