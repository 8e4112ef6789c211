"""Takes of a batch on one sheet, to be sent to somebody: as a picture or a PDF (`contact`), or playing side by side in
one video (`mosaic`)."""
