"""A C-MOVE that brings the synthetic image back to us, and why it did not come."""

import asyncio
from dataclasses import dataclass, field

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, detail_of
from retabli.net.dicom import dicom_causes, services
from retabli.net.dicom.association import Association
from retabli.net.dicom.ct_image import CT, SyntheticImage
from retabli.net.dicom.receiver import Receiver, receiving
from retabli.net.dicom.services import Moved

LAST_MILE = 3.0  # seconds for an image that the partner says it has sent: some only mean that they will


@dataclass(slots=True)
class Retrieval:
    """One retrieval. `address` and `port`: where we listen; `destination`: our AE title as the partner knows it;
    `comes_as`: the partner's, by which it comes; `patience`: seconds to wait for a port that another run has.
    """

    address: str
    port: int
    destination: str
    comes_as: str
    patience: float
    receiver: Receiver | None = None
    _awaited: Cause = field(default=dicom_causes.RECEIVER_TAKEN)  # what a deadline would mean now

    def late(self, cause: Cause, detail: str) -> tuple[Cause, str]:
        """For `ladder.told_as`: what a deadline means depends on what was awaited when it fell."""
        if cause is not causes.TIMEOUT:
            return cause, detail
        if self.receiver is not None and self.receiver.trouble is not None:
            return causes.LOCAL_RESOURCES, detail_of(self.receiver.trouble)
        return self._awaited, self._explained(detail)

    async def run(self, association: Association, image: SyntheticImage) -> None:
        """Have the image sent to us, and hold it against the one that was stored.

        Raises:
            Fall: one of `dicom_causes.ANSWERING` and `STORING`, or what keeps this machine from listening.
        """
        async with receiving(
            self.address,
            self.port,
            own_ae=self.destination,
            partner_ae=self.comes_as,
            abstract=CT,
            instance=image.uids.instance,
            patience=self.patience,
        ) as receiver:
            self.receiver = receiver
            try:
                self._awaited = dicom_causes.DIMSE_SILENT
                moved = await services.move(association, self.destination, image.keys)
                self._awaited = dicom_causes.IMAGE_NOT_RETRIEVED
                await self._arrival(receiver, moved)
            except Fall as fall:
                if receiver.trouble is not None:  # then it is not the partner's doing
                    raise receiver.trouble from None
                raise Fall(fall.cause, self._explained(fall.detail)) from fall
            received = receiver.arrived.result()
        if not image.is_in(received.data, received.transfer):
            raise Fall(dicom_causes.IMAGE_ALTERED)

    async def _arrival(self, receiver: Receiver, moved: Moved) -> None:
        """The image has come, or comes within a moment of the partner's word that it was sent."""
        said = f"{moved.told}, {moved.completed} sent, {moved.failed} failed"
        if moved.failed and not receiver.arrived.done():
            raise Fall(dicom_causes.SUBOPERATIONS_FAILED, said)
        await asyncio.wait([receiver.arrived], timeout=LAST_MILE)
        if not receiver.arrived.done():
            raise Fall(dicom_causes.IMAGE_NOT_RETRIEVED, said)

    def _explained(self, said: str) -> str:
        """With what explains that no image came: who else did."""
        if self.receiver is None:
            return said
        came = "the image came" if self.receiver.arrived.done() else "nobody came to our receiver"
        came = self.receiver.turned_away or came
        return f"{said}; {came}" if said else came
